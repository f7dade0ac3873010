"""The live shell: Faust owns membership, assignment and the worker's life; shards own their transactions."""
