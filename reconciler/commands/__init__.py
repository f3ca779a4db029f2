"""One verb per file: its options and its wiring."""
