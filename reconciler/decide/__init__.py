"""Desired and observed in, verdicts and plan out. Pure: no I/O, no clock, no chance."""
