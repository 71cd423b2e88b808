"""Doing it: the cycle, sending, reconciling, sessions, publishing. Knows no screen."""
