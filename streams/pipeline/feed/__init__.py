"""The market data feed: recorded files or a seeded synthetic market, sent to market.data as columns."""
