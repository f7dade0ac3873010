"""Backup and restore: the topics, the schemas, the tables and the groups' offsets of a pipeline in one folder."""
