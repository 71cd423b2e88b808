"""Cancels everything and proves it."""
