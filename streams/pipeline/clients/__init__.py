"""Thin Kafka clients of the command line, the feed and the strategies."""
