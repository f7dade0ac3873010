"""Configuration of the core, read from settings and reference files."""
