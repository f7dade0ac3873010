"""Tools around the pipeline: benchmark, chaos drill, demonstration and simulator studies."""
