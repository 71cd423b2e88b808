"""How to talk to a venue: its HTTP API, the chain's contracts, session permits. Returns domain values."""
