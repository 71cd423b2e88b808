"""Widgets that know nothing of the engine: grids, lines, fields, and how text is painted."""
