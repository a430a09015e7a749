"""Good answers and errors in each wire protocol."""
