"""From Kafka to ClickHouse: every record of every topic becomes a row, once, without being decoded."""
