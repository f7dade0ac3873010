"""Paper sessions as folds over their events, and their reports."""
