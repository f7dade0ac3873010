"""The vocabulary: records of the topics, their enums and numbers."""
