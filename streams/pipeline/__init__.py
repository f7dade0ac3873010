"""The pipeline around the core: journal, worker, sink, feed, clients, dead letters."""
