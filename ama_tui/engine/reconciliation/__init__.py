"""Matches what was sent with what the chain shows."""
