"""What is remembered: checkpoint, per-wallet files, journal, lock."""
