"""Turns desired and observed values into verdicts and a plan. Pure: no I/O, no clock, no randomness."""
