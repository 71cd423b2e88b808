"""Sessions that state directories know of, without a run: what they are, and their end."""
