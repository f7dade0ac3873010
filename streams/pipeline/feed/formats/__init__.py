"""Formats of market data files: our own, and those of vendors, exchanges and other engines."""
