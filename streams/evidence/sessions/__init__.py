"""Paper sessions: their state folded from events, and their reports."""
