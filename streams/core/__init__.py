"""The deterministic core of the pipeline: no I/O, no clock, no randomness."""
