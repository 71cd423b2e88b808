"""A run: its cycles, its states, and its snapshots."""
