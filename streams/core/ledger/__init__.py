"""Orders, positions, cash and marks of an account."""
