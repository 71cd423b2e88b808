"""Malformed input by the hundred thousand, through every parser of the project."""
