"""One wallet in detail: what is shown, what can be done with its orders and itself, and what can be copied."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.domain.errors import AmaError
from ama_tui.domain.event import Action, EngineState, LogEvent, SessionState
from ama_tui.domain.order import Side
from ama_tui.domain.pnl import Pnl
from ama_tui.ui.actions import actions_in
from ama_tui.ui.app import AmaApp
from ama_tui.ui.panels.log import ActivityLog
from ama_tui.ui.panels.wallet import OrdersGrid, distance_ticks, fact_lines, order_lines
from ama_tui.ui.screens.kill import KillScreen
from ama_tui.ui.screens.markets import MarketsScreen
from ama_tui.ui.screens.wallet import BUTTON_ACTIONS, WalletScreen
from ama_tui.ui.widgets.problem import Problem
from ama_tui.ui.widgets.styled_text import spans_width
from tests.ui.books import MID6, TICK6, UNIT18, order, packed, pending_orders, with_wallet
from tests.ui.fakes import NOW, market, wallet
from tests.ui.stage import HUGE, MEDIUM, NARROW, WIDE, Stage, repaints
from tests.ui.wallet_desk import wallet_stage

ADDRESS = wallet(0).address
PRICE = 10**6
LONG = Pnl().after(Side.BUY, 100 * PRICE, 2 * UNIT18).after(Side.SELL, 105 * PRICE, UNIT18)


def current_id(stage: Stage) -> int | None:
    line = stage.app.screen.query_one(OrdersGrid).current
    assert line is not None
    return line.order_id


def told(stage: Stage) -> list[str]:
    return [one.message for one in stage.app._notifications]


# what is shown


async def test_orders_session_budget_and_activity_are_shown_at_every_size() -> None:
    state = with_wallet(packed(), 0, pending_orders=(pending_orders(Side.BUY, 47, level=7),), pending=1)
    async with wallet_stage(NARROW, state) as stage:
        event = LogEvent(int(NOW * 1000), Action.FILL, "buy  0.050 @ 2,500.10", ADDRESS, "User001")
        await stage.publish(state, event, replace(event, wallet=wallet(1).address, text="of another"))
        for size in (NARROW, MEDIUM, WIDE, HUGE):
            await stage.resize(size)
            text = stage.text()
            for part in (
                "User001", "✓ packed", "● RUNNING", "available 9,771.00", "cap 1,999.80", "228.00 (11%)",
                "49.99 in 1 order", "session ✓ valid", "23 h 47 m left", "last action 4s ago",
                "Orders 12 · 1 pending · ticks from 2,500.00", "0.050 @ 2,500.10", "KILL",
            ):  # fmt: skip
                assert part in text
            assert "of another" not in text
            first = next(line for line in text.splitlines() if "▸" in line)
            assert first.replace("│", "").split()[:10] == [
                "▸", "L6", "sell", "2,501.06", "106", "0.200", "1m", "50.02", "911", "●",
            ]  # fmt: skip
            assert (wallet(0).address in text) == (size[0] > 110)


def test_orders_are_sorted_by_price_with_pending_ones_among_them() -> None:
    row = replace(
        wallet(0),
        orders=(order(1, Side.BUY, 10), order(2, Side.SELL, 30), order(3, Side.SELL, 12)),
        pending_orders=(pending_orders(Side.BUY, 4, level=2),),
    )
    lines = order_lines(row, 2 * MID6, TICK6, {902})
    assert [(line.side, line.distance, line.order_id, line.is_cancelling) for line in lines] == [
        (Side.SELL, 30, 902, True),
        (Side.SELL, 12, 903, False),
        (Side.BUY, 4, None, False),
        (Side.BUY, 10, 901, False),
    ]


@given(st.sampled_from(Side), st.integers(1, 10**12), st.integers(1, 10**12), st.integers(1, 10**6))
def test_distance_is_positive_on_the_orders_own_side_of_the_anchor(
    side: Side, price6: int, anchor6: int, tick6: int
) -> None:
    distance = distance_ticks(side, price6, 2 * anchor6, tick6)
    assert distance is not None
    assert (distance >= 0) == (price6 <= anchor6 if side is Side.BUY else price6 >= anchor6)
    assert distance_ticks(side, price6, None, tick6) is None


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"is_paused": True, "note": "paused"}, "‖ paused"),
        ({"is_packed": False, "bids": 5, "note": "1 bid missing"}, "1 bid missing"),
        ({"note": "cap reached"}, "✓ packed   bids 6/6   asks 6/6   position 0.000   cap reached"),
        ({"session": SessionState.UNUSABLE}, "session ✗ unusable"),
        ({"session_expiry": int(NOW) + 30}, "under 1 m left"),
        ({"unknown": 2}, "unknown 0.00 in 2 orders"),
        ({"available6": None, "cap6": None, "reserved6": None}, "available –   cap –"),
        ({"position18": -UNIT18}, "position -1.000"),
        ({"last_action_at": 0}, "last action none yet"),
        ({"pnl": LONG}, "P&L +15.00   realised +5.00   open +10.00   average entry 100.00   volume 305   fills 2"),
        ({}, "P&L 0.00   realised 0.00   open 0.00   average entry –   volume 0   fills 0"),
    ],
)
def test_facts_describe_the_state_of_the_wallet(changes: dict[str, object], text: str) -> None:
    row = replace(packed().wallets[0], **changes)  # type: ignore[arg-type]  # fields of the row
    for width in (80, 160):
        lines = fact_lines(row, replace(packed(), mark6=110 * PRICE), NOW, width)
        whole = "   ".join("".join(part for part, _ in one.spans) for line in lines for one in line)
        assert text in whole
        assert all(sum(spans_width(one.spans) for one in line) + 3 * (len(line) - 1) <= width - 2 for line in lines)


def test_results_are_dashes_while_fills_are_unknown_and_have_a_question_mark_if_they_may_be_off() -> None:
    row = replace(packed().wallets[0], pnl=LONG)
    for changes, text in (
        ({"fills_unknown_from": 7}, "P&L –   realised –   open –"),
        ({"pnl_problem": "a position had no price"}, "P&L +15.00?   realised +5.00"),
    ):
        snapshot = replace(packed(), mark6=110 * PRICE, **changes)
        lines = fact_lines(row, snapshot, NOW, 160)
        assert text in "   ".join("".join(part for part, _ in one.spans) for line in lines for one in line)


@pytest.mark.parametrize(("state", "text"), [(EngineState.RUNNING, "… packing"), (EngineState.FAULTED, "not packed")])
def test_only_a_running_run_is_packing_a_wallet(state: EngineState, text: str) -> None:
    row = replace(packed().wallets[0], is_packed=False, bids=0, note="")
    first_line = fact_lines(row, replace(packed(), state=state), NOW, 160)[0]
    assert first_line[1].spans == ((text, "warn"),)


async def test_wallet_that_left_the_run_says_so() -> None:
    async with wallet_stage() as stage:
        await stage.publish(packed(0))
        assert "is not part of this run" in stage.text()
        await stage.press("x", "p", "y")
        assert stage.engine.calls.count("park") == 0
        assert told(stage)[-3:] == [
            "Nothing to cancel: this wallet has no orders",
            "Cannot pause: this wallet is not part of this run",
            "Nothing to copy: no order with an id selected",
        ]


async def test_long_prices_and_ids_are_never_cut() -> None:
    async with wallet_stage(NARROW, packed(mid6=60_000 * 10**6)) as stage:
        assert "60,001.06" in stage.text()
        long = replace(order(1, Side.SELL, 10, mid6=1_234_567 * 10**6), order_id=123_456_789_012)
        await stage.publish(with_wallet(packed(), 0, orders=(long,)))
        assert "1,234,567.10" in stage.text()
        assert "123456789012" in stage.text()


async def test_earlier_activity_is_shown_when_the_screen_opens() -> None:
    async with wallet_stage(has_markets=True) as stage:
        await stage.press("escape")
        await stage.on(MarketsScreen)
        await stage.publish(packed(), LogEvent(1, Action.NOTE, "long ago", ADDRESS))
        stage.app.push_screen(WalletScreen(market(), ADDRESS))
        await stage.on(WalletScreen)
        await stage.shows("long ago")


async def test_unchanged_parts_are_not_repainted() -> None:
    async with wallet_stage(WIDE) as stage:
        painted = [repaints(stage.app.screen.query_one(kind)) for kind in (OrdersGrid, ActivityLog)]
        painted.append(repaints(stage.app.screen.query_one("#facts")))
        await stage.publish(packed(block=1205))
        assert painted == [[], [], []]


# one order


async def test_cursor_stays_on_its_order_while_others_come_and_go() -> None:
    state = packed()
    async with wallet_stage(NARROW, state) as stage:
        await stage.press("down", "down", "down")
        followed = current_id(stage)
        orders = [one for one in state.wallets[0].orders if one.order_id not in (911, 908)]
        await stage.publish(with_wallet(state, 0, orders=tuple(orders)))
        assert current_id(stage) == followed
        orders += [order(50, Side.SELL, 400), order(51, Side.SELL, 300), order(52, Side.SELL, 1)]
        await stage.publish(with_wallet(state, 0, orders=tuple(orders)))
        assert current_id(stage) == followed
        assert "▸" in next(line for line in stage.text().splitlines() if str(followed) in line)


async def test_selected_order_is_cancelled_once() -> None:
    gate = threading.Event()
    async with wallet_stage(gates={"cancel_order": gate}) as stage:
        await stage.press("down")
        number = current_id(stage)
        await stage.press("x")
        await stage.shows("✗ cancelling")
        await stage.press("x")
        assert f"Order {number} is already being cancelled" in told(stage)
        gate.set()
        await stage.until(lambda: f"Cancel sent for order {number}" in "\n".join(told(stage)), "the message")
        assert stage.engine.calls.count("cancel_order") == 1
        assert f"{ADDRESS} {number}" in stage.engine.calls
        await stage.publish(stage.host.publisher.latest)
        assert "✗ cancelling" not in stage.text()
        assert "Orders 11" in stage.text()


async def test_failed_cancel_is_shown_until_dismissed_and_the_order_keeps_resting() -> None:
    error = AmaError("the cancel of order 911 was not accepted", "the action log says why")
    async with wallet_stage(errors={"cancel_order": error}, has_markets=True) as stage:
        await stage.press("delete")
        await stage.shows("✗ the cancel of order 911 was not accepted")
        assert "→ the action log says why" in stage.text()
        assert "✗ cancelling" not in stage.text()
        await stage.press("y")
        assert stage.app.clipboard == "✗ the cancel of order 911 was not accepted\n→ the action log says why"
        await stage.press("escape")
        assert not stage.app.screen.query_one(Problem).display
        assert isinstance(stage.app.screen, WalletScreen)
        await stage.press("escape")
        await stage.on(MarketsScreen)


async def test_unknown_order_is_not_counted_as_pending() -> None:
    sent = (pending_orders(Side.BUY, 47, level=7), replace(pending_orders(Side.SELL, 200, level=8), is_unknown=True))
    state = with_wallet(packed(), 0, pending_orders=sent, pending=1, unknown=1)
    async with wallet_stage(WIDE, state) as stage:
        text = stage.text()
        for part in ("pending 49.99 in 1 order", "unknown 50.04 in 1 order", "Orders 12 · 1 pending · 1 unknown"):
            assert part in text
        assert ["? unknown" in line for line in text.splitlines() if "L8 " in line] == [True]
        await stage.press("home", "x")
        assert told(stage) == ["Cannot cancel: the order is unknown and has no id yet"]


async def test_pending_order_cannot_be_cancelled_or_copied() -> None:
    state = with_wallet(packed(), 0, orders=(), pending_orders=(pending_orders(Side.BUY, 10),))
    async with wallet_stage(NARROW, state) as stage:
        await stage.press("x", "y")
        assert told(stage) == [
            "Cannot cancel: the order is pending and has no id yet",
            "Nothing to copy: no order with an id selected",
        ]


# one wallet


async def test_wallet_is_paused_and_resumed() -> None:
    async with wallet_stage() as stage:
        for shown, button in (("‖ paused", "Resume wallet"), ("✓ packed", "Pause wallet")):
            await stage.press("p")
            await stage.shows(shown)
            await stage.shows(button)
        assert [name for name in stage.engine.calls if "park" in name] == ["park", "unpark"]
        assert told(stage)[-2:] == ["User001 paused: its orders stay", "User001 resumed"]


async def test_pressing_twice_pauses_once() -> None:
    gate = threading.Event()
    async with wallet_stage(gates={"park": gate}) as stage:
        await stage.press("p", "p")
        gate.set()
        await stage.shows("‖ paused")
        assert stage.engine.calls.count("park") == 1
        assert "unpark" not in stage.engine.calls


async def test_failed_pause_is_shown() -> None:
    async with wallet_stage(errors={"park": AmaError("cannot pause it", "try again")}) as stage:
        await stage.press("p")
        await stage.shows("✗ cannot pause it")
        assert "→ try again" in stage.text()


async def test_two_presses_renew_the_session_once() -> None:
    gate = threading.Event()
    lost = with_wallet(packed(), 0, session=SessionState.UNUSABLE, note="session revoked: renew it with r")
    async with wallet_stage(state=lost, gates={"renew": gate}) as stage:
        await stage.shows("✗ unusable")
        await stage.press("r", "r")
        assert stage.app.screen.query_one("#renew").has_class("-refused")
        gate.set()
        await stage.shows("session ✓ valid")
        assert stage.engine.calls.count("renew") == 1
        assert told(stage) == ["The session is already being renewed", "User001 has a new session"]
        assert not stage.app.screen.query_one("#renew").has_class("-refused")


async def test_failed_renewal_is_shown_and_can_be_retried() -> None:
    async with wallet_stage(errors={"renew": AmaError("the venue refused it", "try again")}) as stage:
        await stage.press("r")
        await stage.shows("✗ the venue refused it")
        await stage.press("r")
        await stage.until(lambda: stage.engine.calls.count("renew") == 2, "the second attempt")


async def test_used_share_of_the_sessions_notional_is_shown_next_to_its_expiry() -> None:
    async with wallet_stage(WIDE, with_wallet(packed(), 0, session_used_percent=37)) as stage:
        await stage.shows("budget used 37%")
        await stage.publish(with_wallet(packed(), 0, session_used_percent=None))
        assert "budget used" not in stage.text()


@pytest.mark.parametrize("key", ["x", "p", "r"])
async def test_actions_on_an_ended_run_say_why_they_are_refused(key: str) -> None:
    async with wallet_stage() as stage:
        await stage.publish(packed(state=EngineState.STOPPED))
        for button in ("pause-wallet", "cancel", "renew", "kill"):
            assert stage.app.screen.query_one(f"#{button}").has_class("-refused")
        await stage.press(key)
        assert told(stage)[-1].endswith("the run is STOPPED")
        assert not {"park", "renew"} & set(stage.engine.calls)


# copying, buttons, keys


async def test_ids_and_address_are_copied_in_full() -> None:
    async with wallet_stage() as stage:
        copied = {}
        for key in ("y", "a", "s"):
            await stage.press(key)
            copied[key] = stage.app.clipboard
        assert copied == {"y": "911", "a": ADDRESS, "s": f"0x{0xFEED_0000:064x}"}
        assert told(stage)[:2] == ["Copied order id 911", "Copied address 0x0000…abc0"]
        await stage.publish(with_wallet(packed(), 0, session_id=""))
        await stage.press("s")
        assert told(stage)[-1] == "Nothing to copy: this wallet has no session"
        await stage.press("down", "enter")
        assert stage.app.clipboard == "908"


async def test_latest_transaction_of_the_wallet_is_copied() -> None:
    async with wallet_stage() as stage:
        await stage.press("t")
        assert told(stage)[-1] == "Nothing to copy: this wallet has no transaction yet"
        for tx_hash, address in (("0x" + "aa" * 32, ADDRESS), ("0x" + "bb" * 32, ADDRESS), ("0x" + "cc" * 32, "")):
            await stage.publish(packed(), LogEvent(1, Action.FILL, "buy", address, tx_hash=tx_hash))
        await stage.publish(packed(), LogEvent(1, Action.NOTE, "paused", ADDRESS))
        await stage.press("t")
        assert stage.app.clipboard == "0x" + "bb" * 32


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_buttons_do_what_the_keys_do(size: tuple[int, int]) -> None:
    async with wallet_stage(size, has_markets=True) as stage:
        await stage.pilot.click("#cancel")
        await stage.until(lambda: "cancel_order" in stage.engine.calls, "the cancel")
        await stage.pilot.click("#pause-wallet")
        await stage.until(lambda: "park" in stage.engine.calls, "the pause")
        await stage.pilot.click("#renew")
        await stage.until(lambda: "renew" in stage.engine.calls, "the renewal")
        await stage.pilot.click("#kill")
        await stage.on(KillScreen)
        await stage.press("escape")
        await stage.on(WalletScreen)
        await stage.pilot.click("#back")
        await stage.on(MarketsScreen)


def test_every_action_has_a_method_and_every_button_an_action() -> None:
    actions = [spec.action for spec in actions_in("wallet")]
    for action in actions:
        assert hasattr(WalletScreen if action.startswith("screen.") else AmaApp, f"action_{action.split('.')[1]}")
    assert set(BUTTON_ACTIONS.values()) <= {*actions, "app.kill"}
    assert actions.count("screen.cancel_order") == 1


async def test_tab_cycles_through_panels_and_buttons() -> None:
    async with wallet_stage() as stage:
        assert stage.focused() == "orders"
        seen = set()
        for _ in range(7):
            await stage.press("tab")
            seen.add(stage.focused())
        assert seen == {"orders", "log", *BUTTON_ACTIONS}
