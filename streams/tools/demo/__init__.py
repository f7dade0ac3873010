"""The demonstration: a paper-trading session from market data to reconciled results."""
