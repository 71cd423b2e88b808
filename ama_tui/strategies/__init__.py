"""Strategies: pure functions from a market snapshot to a plan, one file or folder each."""
