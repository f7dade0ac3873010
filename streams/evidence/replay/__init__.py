"""Replays recorded pipelines: verifies their outputs, and simulates them again under other settings."""
