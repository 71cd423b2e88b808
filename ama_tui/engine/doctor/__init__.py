"""Checks of everything a run needs. They run concurrently, each with its own time limit."""
