"""Desired files: loading them into `Desired` values, each with its place, and editing them without losing a byte."""
