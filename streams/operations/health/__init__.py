"""A pipeline's lag, partition owners, snapshots, processes and last error, for `paper status` and Prometheus."""
