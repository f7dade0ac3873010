"""The core's configuration, read from settings and reference files."""
