"""The local stack: Kafka, schema registry, ClickHouse and the pipeline as processes of this machine."""
