"""Client for a venue: its HTTP API, its contracts and session permits. Returns domain values."""
