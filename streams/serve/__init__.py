"""The HTTP service: a front over the topics, for programs that do not speak Kafka."""
