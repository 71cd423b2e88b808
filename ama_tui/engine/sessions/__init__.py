"""Gasless sessions: found or created at startup, renewed during the run, revoked when no longer needed."""
