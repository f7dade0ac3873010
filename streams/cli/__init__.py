"""The `paper` command."""
