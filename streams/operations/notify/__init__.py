"""Word to people when something happens: rules, digests, and delivery at least once."""
