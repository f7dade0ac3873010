"""Studies of the simulators on recorded markets, with the core alone and no broker."""
