"""The chaos drill: kills processes of a temporary stack under load, then proves that the record is whole."""
