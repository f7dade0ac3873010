"""Other engines beside ours, on the same file; each is a process of an environment of its own (infra/peers)."""
