"""Helpers that know nothing of covers."""
