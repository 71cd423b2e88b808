"""Checks that errors are silent: no secret in them, nor in the errors they were raised from."""

from __future__ import annotations


def assert_silent(error: BaseException, *secrets: str | bytes) -> None:
    """No error of the chain has a secret in its text or its attributes."""
    one: BaseException | None = error
    while one is not None:
        told = repr((str(one), one.args, getattr(one, "__dict__", {}), getattr(one, "object", None)))
        for secret in secrets:
            assert (secret if isinstance(secret, str) else repr(secret)[2:-1]) not in told
        one = one.__context__
