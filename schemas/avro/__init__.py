"""Avro to records and back, in Confluent's wire format."""
