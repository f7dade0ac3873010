"""Example strategies against a small interface, and the runner that trades them through Kafka."""
