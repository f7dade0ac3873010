"""Reading the record of a pipeline again: proving that the core and the journal give what was written."""
