"""Conversion between records and Avro in Confluent's wire format."""
