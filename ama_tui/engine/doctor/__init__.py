"""The preflight: small checks of all that a run needs, side by side, each with a time limit of its own."""
