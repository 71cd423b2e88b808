"""What to do: a market snapshot in, intents out. Pure functions, one file per strategy."""
