"""Matches the orders we sent with what the chain shows."""
