"""The deterministic core of the pipeline: no I/O, no wall clock, no randomness."""
