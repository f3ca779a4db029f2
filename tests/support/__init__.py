"""Helpers that tests share: stand-ins for time and cloud, sample documents, and the command line as a process."""
