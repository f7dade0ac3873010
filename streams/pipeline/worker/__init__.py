"""The worker: Faust manages group membership, assignment and the process; shards manage their transactions."""
