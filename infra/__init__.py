"""Infrastructure under the pipeline: settings, Kafka, schema registry, ClickHouse and the local stack."""
