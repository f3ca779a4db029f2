"""Changing covers: re-decide, PUT, verify. Nothing here prints."""
