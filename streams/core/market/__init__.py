"""Market data of a symbol: its book and its trades."""
