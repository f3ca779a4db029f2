"""Reads what is there: the API's answers and the pictures behind its URLs, as values."""
