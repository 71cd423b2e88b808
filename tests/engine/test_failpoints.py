"""Failpoints around an order's POST: between write-ahead and response, and between response and journal line."""

from __future__ import annotations

import pytest

from ama_tui.disk import failpoints
from tests.engine.execution.test_sender import LOST, SenderBench, buy


@pytest.mark.parametrize("answer", [None, LOST])
def test_failpoints_are_right_before_and_right_after_the_post(
    monkeypatch: pytest.MonkeyPatch, answer: Exception | None
) -> None:
    engine = SenderBench()
    seen: list[tuple[str, list[str]]] = []

    def note(what: str) -> None:
        seen.append((what, [action for _, action, _ in engine.action_log.lines]))

    def post(_: int) -> Exception | None:
        note("post")
        return answer

    monkeypatch.setattr(failpoints, "reach", note)
    engine.venue.on_place = post
    engine.send(buy())
    assert seen == [("post.before", ["INTENT"]), ("post", ["INTENT"]), ("post.after", ["INTENT"])]
