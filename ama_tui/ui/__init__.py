"""Showing it: the Textual application, its screens and live widgets."""
