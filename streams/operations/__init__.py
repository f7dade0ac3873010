"""Supervision and health of running processes."""
