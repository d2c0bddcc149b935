"""The reliability suite: faults of all kinds, and what survives them. Run it with `make reliability`."""
