"""The pipeline: orders in, results, positions and evidence out."""

__version__ = "0.1.0"
