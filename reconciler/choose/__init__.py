"""Choosing covers by eye, on a page of this machine: it reads the cloud as a plan does, and writes desired files."""
