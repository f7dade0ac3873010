"""Kafka clients for the command line, strategies and tools."""
