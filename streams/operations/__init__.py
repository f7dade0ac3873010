"""Health and supervision of the running processes."""
