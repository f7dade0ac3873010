"""Other engines on the same market file; each runs as a process in an environment of its own (infra/peers)."""
