"""The Python environment and the compiled core."""
