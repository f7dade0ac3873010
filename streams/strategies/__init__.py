"""Trading strategies: their interface, three examples, and the runner that trades them through Kafka."""
