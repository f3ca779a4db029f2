"""The cloud: its words, signatures, windows, calls and retries."""
