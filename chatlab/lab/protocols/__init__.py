"""Good answers and errors of each wire protocol, what each refuses, and the exchange as data."""
