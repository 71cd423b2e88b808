"""The journal: one line per action."""
