"""Fault injection: late, lost or wrong responses and reorgs, by rate and by schedule, repeatable by seed."""
