"""Tools around the pipeline: benchmark, drill, demonstration, studies."""
