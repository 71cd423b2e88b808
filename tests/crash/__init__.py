"""Runs that are killed with SIGKILL again and again while the venue misbehaves."""
