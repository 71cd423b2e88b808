"""Whole runs against a venue that lies: see `lies.py` for the table."""
