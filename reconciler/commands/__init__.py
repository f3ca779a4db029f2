"""One verb a file: what it wires together."""
