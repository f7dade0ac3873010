"""The trading API of Alpaca, version 2, over this pipeline. Source of its forms: docs.alpaca.markets/reference."""
