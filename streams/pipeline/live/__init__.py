"""Live markets: sources of updates, and the feed that writes them to market.data."""
