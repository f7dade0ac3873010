"""The sink: every record of every topic becomes a row in ClickHouse, exactly once."""
