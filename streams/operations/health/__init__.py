"""The pipeline's lag, owners, snapshots, processes and last error: one object for `paper status` and Prometheus."""
