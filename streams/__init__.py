"""The pipeline: orders in, risk checks, simulated execution, results and evidence out."""
