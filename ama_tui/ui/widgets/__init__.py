"""Widgets that do not depend on the engine: grids, lines, fields, charts, painted text."""
