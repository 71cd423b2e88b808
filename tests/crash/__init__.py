"""Runs that are killed outright, again and again, while the venue misbehaves."""
