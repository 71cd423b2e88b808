"""A run: its cycle, its states, and what it shows."""
