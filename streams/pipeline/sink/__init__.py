"""From Kafka to ClickHouse: every record of every topic becomes a row, once, without an object for each value."""
