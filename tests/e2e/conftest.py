"""The fixtures of whole runs."""

from tests.e2e.venues import operator, operators, serve, serve_for_session, shared_venue

__all__ = ["operator", "operators", "serve", "serve_for_session", "shared_venue"]
