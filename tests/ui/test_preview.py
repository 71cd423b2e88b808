"""The plan preview: the packer's own plan in a few lines, computed after a pause in typing, never out of order."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from textual.widgets import Input

from ama_tui.domain.errors import UnreachableError
from ama_tui.domain.market import Market
from ama_tui.domain.order import Side
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.plan import Place, Plan
from ama_tui.engine.engine_api import PlanPreview, StartRequest
from ama_tui.ui.panels.preview import PlanPanel, plan_rows, summary_lines, warning_text
from ama_tui.ui.widgets.field_lines import Line
from ama_tui.ui.widgets.grid import Grid
from tests.ui.fakes import market, planned
from tests.ui.stage import MEDIUM, WIDE, Stage, dashboard


def request(wallets: int = 10, **parameters: float) -> StartRequest:
    return StartRequest(market(), Parameters.of(**parameters), False, wallets)


def text_of(lines: list[Line]) -> str:
    return "\n".join("  ".join("".join(text for text, _ in one.spans) for one in line) for line in lines)


def summary(shown: PlanPreview, of: Market | None = None) -> str:
    return text_of(summary_lines(shown, of or market()))


def test_every_wallet_shows_its_nearest_prices_margin_and_scaling() -> None:
    shown = planned(request(3, max_utilization=0.1))
    places = [one for one in shown.plan.intents if isinstance(one, Place)]
    rows = plan_rows(shown, market())
    assert [row.nickname for row in rows] == ["User001", "User002", "User003"]
    for row, wallet in zip(rows, shown.wallets, strict=True):
        own = [place for place in places if place.wallet == wallet.address]
        first = {place.side: place.price6 for place in own if place.level == 1}
        assert (row.bid6, row.ask6) == (first[Side.BUY], first[Side.SELL])
        assert row.orders == len(own) == 12
        assert row.margin6 == sum(place.margin6 for place in own)
        assert row.cap6 == 1_000_000_000
        assert row.margin6 <= row.cap6
        assert 0 < row.scale < 0.5


def test_summary_shows_orders_prices_range_margin_and_scaling() -> None:
    shown = planned(request(10))
    distances = [one.distance_ticks for one in shown.plan.intents if isinstance(one, Place)]
    text = summary(shown)
    assert "120 orders to place" in text
    assert f"110 prices · {min(distances)}…{max(distances)} ticks · 0.4…4.7 bp" in text
    assert "from 2,500.00" in text
    assert "of 20,000 USDC" in text
    assert "sizes scaled to 2" in text
    assert "on 10 wallets (collateral limit)" in text


def test_full_sizes_are_reported_as_such_and_a_common_scale_only_once() -> None:
    assert "full sizes" in summary(planned(request(2), 10**12))
    assert "sizes scaled to 28% on 1 wallet (collateral limit)" in summary(planned(request(1)))


def test_resting_orders_are_counted() -> None:
    shown = replace(planned(request(1)), orders=7)
    assert "12 orders to place · 7 already resting" in summary(shown)
    assert "0 orders to place" in summary(replace(shown, plan=Plan()))


def test_rejected_and_skipped_orders_are_reported_with_reason_and_wallets() -> None:
    text = warning_text(planned(request(10), poor=6))
    assert text == "⚠ User007 cannot quote: no collateral: nothing available or reserved"
    many = warning_text(planned(request(10), 0))
    assert many.startswith("⚠ User001, User002, User003 and 7 more wallets cannot quote: no collateral")
    dust = warning_text(planned(request(2, size_min=1e-06, size_max=1e-06)))
    assert dust.startswith("⚠ 24 orders of 2 wallets skipped: too small to place")
    assert warning_text(replace(planned(request(1)), refusal="it does not fit")) == "✗ rejected: it does not fit"
    assert warning_text(planned(request(10))) == ""


def test_unread_wallet_has_no_margin() -> None:
    shown = planned(request(1))
    (row,) = plan_rows(replace(shown, plan=Plan()), market())
    assert (row.bid6, row.orders, row.margin6, row.cap6) == (None, 0, None, None)


# on the screen


def panel(stage: Stage) -> PlanPanel:
    return stage.app.screen.query_one(PlanPanel)


async def edit(stage: Stage, name: str, text: str) -> None:
    stage.app.screen.query_one(f"#field-{name}", Input).value = text
    await stage.pilot.pause()


@pytest.mark.parametrize("size", [MEDIUM, WIDE])
async def test_plan_is_shown_next_to_the_form(size: tuple[int, int]) -> None:
    async with dashboard(size) as stage:
        await stage.to_setup()
        await stage.shows("Plan preview · block 1,199")
        text = stage.text()
        for part in ("120 orders to place", "110 prices", "L1 bid", "L1 ask", "of cap", "User010", "90%"):
            assert part in text, part
        assert (" 29%" in text) == (size == WIDE)
        assert "nothing is signed or sent yet" in text


async def test_plan_follows_the_form_after_a_pause_in_typing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ama_tui.ui.panels.preview.DEBOUNCE", 1.5)  # longer than four edits take on a busy machine
    async with dashboard(WIDE) as stage:
        await stage.to_setup()
        await stage.shows("120 orders to place")
        before = len(stage.engine.previews)
        for text in ("1", "2", "3", "4"):
            await edit(stage, "wallets", text)
        await stage.shows("48 orders to place")
        assert len(stage.engine.previews) - before <= 2
        assert stage.engine.previews[-1].wallets == 4


async def test_one_plan_is_computed_at_a_time_and_the_latest_is_shown() -> None:
    gate = threading.Event()
    async with dashboard(WIDE, gates={"preview": gate}) as stage:
        await stage.to_setup()
        await stage.until(lambda: stage.engine.calls.count("preview") == 1, "the first plan asked for")
        assert "Computing the plan…" in stage.text()
        await edit(stage, "wallets", "3")
        await stage.pilot.pause(0.6)
        await edit(stage, "wallets", "2")
        await stage.pilot.pause(0.6)
        assert stage.engine.calls.count("preview") == 1
        gate.set()
        await stage.shows("24 orders to place")
        assert [one.wallets for one in stage.engine.previews] == [10, 2]


async def test_invalid_form_shows_no_plan_and_why() -> None:
    async with dashboard(WIDE) as stage:
        await stage.to_setup()
        await stage.shows("120 orders to place")
        await edit(stage, "wallets", "99")
        await stage.shows("No plan: wallets must be a whole number, 1…25")
        assert "fix the highlighted fields" in stage.text()
        await edit(stage, "size_max", "0.01")
        await stage.shows("No plan: smallest order size (0.05) must not be above largest order size (0.01)")
        for left_over in ("orders to place", "block 1,199", "L1 bid", "each wallet's collateral"):
            assert left_over not in stage.text()
        await edit(stage, "wallets", "1")
        await edit(stage, "size_max", "0.25")
        await stage.shows("12 orders to place")


async def test_plan_of_an_earlier_form_is_marked_as_out_of_date() -> None:
    gate = threading.Event()
    async with dashboard(WIDE) as stage:
        await stage.to_setup()
        await stage.shows("120 orders to place")
        stage.engine.gates["preview"] = gate
        await edit(stage, "wallets", "3")
        await stage.shows("out of date · computing…")
        assert panel(stage).has_class("-stale")
        gate.set()
        await stage.shows("36 orders to place")
        assert "out of date" not in stage.text()


async def test_failed_plan_is_reported_keeps_the_last_one_and_can_be_retried() -> None:
    async with dashboard(WIDE) as stage:
        await stage.to_setup()
        await stage.shows("120 orders to place")
        stage.engine.errors["preview"] = UnreachableError("the node does not answer", "try again")
        await stage.press("f5")
        await stage.shows("✗ no plan: the node does not answer")
        assert "out of date · F5: retry" in stage.text()
        assert "120 orders to place" in stage.text()
        assert panel(stage).has_class("-stale")
        stage.engine.errors.clear()
        await stage.press("f5")
        await stage.until(lambda: not panel(stage).has_class("-stale"), "the next plan")
        assert "no plan" not in stage.text()


async def test_preview_of_a_thousand_wallets_scrolls() -> None:
    async with dashboard(MEDIUM, wallets_available=1000, wallets_asked=1000) as stage:
        await stage.to_setup()
        await stage.shows("12,000 orders to place")
        stage.app.screen.query_one("#plan-wallets", Grid).focus()
        await stage.press("end")
        await stage.shows("User1000")
