"""Crash-safe file writes, and failpoints to test them."""
