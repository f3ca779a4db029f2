"""Helpers that do not depend on covers."""
