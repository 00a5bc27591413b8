"""Trials as tasks of a ledger, taken by one worker or by many machines."""
