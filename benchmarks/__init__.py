"""Measurements and trials that take too long for the tests; each file says how to run it."""
