"""The venue's clients under test wait a twentieth of their usual pauses; how long a server asks them to wait stays."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ama_tui.venue import host_gate, retry


@pytest.fixture(autouse=True, scope="module")
def short_pauses() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(host_gate, "FIRST_PAUSE", host_gate.FIRST_PAUSE / 20)
        patch.setattr(host_gate, "LONGEST_PAUSE", host_gate.LONGEST_PAUSE / 20)
        patch.setattr(retry, "FIRST_WAIT", retry.FIRST_WAIT / 20)
        patch.setattr(retry, "LONGEST_BACKOFF", retry.LONGEST_BACKOFF / 20)
        yield
