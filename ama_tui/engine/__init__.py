"""The engine: cycles, sending, reconciliation, sessions, publishing. Independent of the screen."""
