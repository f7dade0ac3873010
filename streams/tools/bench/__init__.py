"""How fast the pipeline is on this machine: the core alone, the live path, the sink."""
