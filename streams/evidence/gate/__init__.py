"""The gate: judges from recorded evidence whether a strategy may trade live."""
