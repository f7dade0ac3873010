"""Studies of the simulators on recorded markets: the core alone, no broker."""
