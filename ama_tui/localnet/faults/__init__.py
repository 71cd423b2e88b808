"""Faults on demand: a venue that delays, loses, lies and forgets, by rate and by schedule, from a seed."""
