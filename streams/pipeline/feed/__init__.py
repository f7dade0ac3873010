"""Market data into the pipeline: recorded files or a seeded synthetic market, packed as columns."""
