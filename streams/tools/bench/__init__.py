"""Measurements of the pipeline's speed on this machine: the core alone, the live path, the sink, whole days."""
