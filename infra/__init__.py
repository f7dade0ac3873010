"""What the pipeline stands on: settings, Kafka, schema registry, ClickHouse."""
