"""Pure core: records in, records out; no I/O, clock, randomness, environment or float money."""
