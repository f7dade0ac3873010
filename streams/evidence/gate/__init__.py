"""The gate: whether a strategy may trade live, judged from what the pipeline recorded."""
