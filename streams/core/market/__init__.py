"""Market data of a symbol: its order book and its trades."""
