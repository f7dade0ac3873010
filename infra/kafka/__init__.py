"""Kafka: connections, topics, principals and their access."""
