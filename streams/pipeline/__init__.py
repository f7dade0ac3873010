"""The pipeline around the core: journal, workers, sink, feed, clients, dead letters."""
