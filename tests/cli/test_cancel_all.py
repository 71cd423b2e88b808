"""`ama-tui cancel-all` as an operator sees it: what it refuses, what it finds, and its exit codes."""

from __future__ import annotations

import signal
import time

from ama_tui.engine.cancel.worker import RETRY_FAILED_S
from tests.e2e.flaky import Flaky, between
from tests.e2e.operator import PACK, Finished, Operator
from tests.e2e.venues import ServedVenue
from tests.engine.faults import Fault
from tests.sizes import PATIENCE_S

SMALL = ("--orders-per-side", "1")
GO_ON = ("run", "--headless", "--json", "--min-delay-ms", "20", "--max-delay-ms", "80", *SMALL)


def cancel_all(operator: Operator, symbol: str, *options: str) -> Finished:
    return operator.ama("cancel-all", "--market", symbol, *options)


def resting(venue: ServedVenue, symbol: str) -> dict[str, list[int]]:
    """The order ids on chain, by wallet, without the wallets that have none."""
    found = venue.client.orders(symbol, *venue.client.addresses())
    return {wallet: [order.order_id for order in orders] for wallet, orders in found.items() if orders}


def session_of(operator: Operator, address: str) -> str:
    return str(operator.checkpoint()["wallets"][address]["sessionId"])


def test_wallets_that_never_traded_are_proven_empty_without_new_sessions(
    operator: Operator, shared_venue: ServedVenue
) -> None:
    book = shared_venue.client.book("XRP-USD")
    before = shared_venue.client.sessions_made(*shared_venue.client.addresses())
    done = cancel_all(operator, book.upper().replace("0X", "0x"), "--json")
    assert (done.code, done.err) == (0, "")
    report = done.summary
    assert report.pop("seconds") < PATIENCE_S
    assert report.pop("block") > 0
    assert report == {
        "market": "XRP-USD",
        "orderBook": book,
        "cancelled": 0,
        "survivors": [],
        "unread": [],
        "unsettled": 0,
        "revoked": [],
        "objections": [],
        "checkedAgainst": "the book's events and the vault",
        "proven": True,
    }
    assert shared_venue.client.sessions_made(*shared_venue.client.addresses()) == before


def test_several_markets_are_each_proven_under_one_exit_code(operator: Operator, shared_venue: ServedVenue) -> None:
    markets = ("XRP-USD", "AAVE-USD")
    for symbol in markets:
        operator.ama(*PACK, *SMALL, "--market", symbol, "--wallets", "2").packed()
    done = operator.ama("cancel-all", "--market", "XRP-USD", "--market", "AAVE-USD", "--wallets", "2", "--json")
    assert done.code == 0, done.err
    reports = done.summary["markets"]
    assert [(one["market"], one["cancelled"], one["proven"]) for one in reports] == [
        (symbol, 4, True) for symbol in markets
    ]
    assert [resting(shared_venue, symbol) for symbol in markets] == [{}, {}]
    every = operator.ama("cancel-all", "--market", "all", "--wallets", "2")
    assert every.code == 0, every.err
    assert every.out.count("0 open at block") == 2


def test_failing_market_does_not_keep_the_others_from_being_cancelled(
    operator: Operator, shared_venue: ServedVenue
) -> None:
    operator.ama(*PACK, *SMALL, "--market", "XRP-USD", "--wallets", "2").packed()
    done = operator.ama("cancel-all", "--market", "NO-SUCH", "--market", "XRP-USD", "--wallets", "2")
    assert done.code == 4
    assert "NO-SUCH: no market named 'NO-SUCH'" in done.err
    assert "XRP-USD: 0 open at block" in done.out
    assert resting(shared_venue, "XRP-USD") == {}


def test_corrupt_journal_and_checkpoint_do_not_keep_orders_on_the_book(
    operator: Operator, shared_venue: ServedVenue
) -> None:
    operator.ama(*PACK, *SMALL, "--market", "AAVE-USD", "--wallets", "2").packed()
    journal, checkpoint = (operator.market_state() / name for name in ("actions.jsonl", "checkpoint.json"))
    lines = journal.read_bytes().splitlines(keepends=True)
    broken = b"".join([*lines[:3], b"\x00\xff garbage\n", *lines[4:]])
    journal.write_bytes(broken)
    checkpoint.write_bytes(checkpoint.read_bytes()[:50])
    done = cancel_all(operator, "AAVE-USD", "--wallets", "2", "--revoke")
    assert done.code == 0, done.err
    assert "4 cancelled" in done.out
    assert "2 sessions revoked" in done.out
    assert "checkpoint.json is corrupt" in done.err
    assert "actions.jsonl" in done.err
    assert "cancelling 4/4" in done.err
    assert resting(shared_venue, "AAVE-USD") == {}
    assert journal.read_bytes().startswith(broken), "what was there is kept"
    assert checkpoint.stat().st_size == 50


def test_active_run_blocks_cancel_all_unless_forced(operator: Operator, shared_venue: ServedVenue) -> None:
    running = operator.start(*GO_ON, "--market", "ALU-USD", "--wallets", "1")
    running.until("2 orders", lambda: "resting 2/2" in running.err)
    line = cancel_all(operator, "ALU-USD").refusal(2)
    assert f"is in use by another run (pid {running.pid})" in line
    assert "--force" in line
    assert len(resting(shared_venue, "ALU-USD")) == 1
    running.signal(signal.SIGSTOP)  # hangs: it holds its lock and does nothing else
    try:
        done = cancel_all(operator, "ALU-USD", "--force", "--json")
    finally:
        running.signal(signal.SIGCONT)
        running.signal(signal.SIGKILL)
    assert done.code == 0, done.err
    assert (done.summary["proven"], done.summary["cancelled"]) == (True, 2)
    assert f"pid {running.pid}" in done.err
    assert (operator.market_state() / "cancel-all.jsonl").is_file()


def test_wallets_of_the_stored_run_are_cancelled_too_and_survivors_are_listed(
    operator: Operator, shared_venue: ServedVenue
) -> None:
    operator.ama(*PACK, *SMALL, "--market", "ATOM-USD", "--wallets", "3").packed()
    rows = operator.wallets_file.read_text().splitlines()
    operator.write("wallets.csv", "\n".join([rows[0], *rows[3:]]) + "\n")  # without the first two
    first = shared_venue.client.keys[0].address
    shared_venue.client.revoke("ATOM-USD", session_of(operator, first))
    done = cancel_all(operator, "ATOM-USD", "--json", "--within", "6")
    left = resting(shared_venue, "ATOM-USD")
    assert (done.code, list(left), done.summary["proven"]) == (4, [first], False)
    nickname = shared_venue.client.keys[0].nickname
    assert sorted(done.summary["survivors"], key=lambda one: int(one["orderId"])) == [
        {"wallet": first, "nickname": nickname, "orderId": str(order_id)} for order_id in sorted(left[first])
    ]
    assert (done.summary["cancelled"], done.summary["unread"]) == (4, [])
    # With its key back it gets a cancel session, although its own had been revoked.
    operator.write("wallets.csv", "\n".join(rows) + "\n")
    again = cancel_all(operator, "ATOM-USD", "--json")
    assert (again.code, again.summary["cancelled"]) == (0, 2)
    assert resting(shared_venue, "ATOM-USD") == {}


def test_first_interrupt_reports_what_is_left_and_the_second_exits_at_once(
    operator: Operator, shared_venue: ServedVenue
) -> None:
    operator.ama(*PACK, *SMALL, "--market", "WHEAT-USD", "--wallets", "1").packed()
    flaky = Flaky(rate=1.0, only="/api/gasless/trade", mix=(Fault.LOSE_REQUEST,))
    with between(shared_venue.client.app_url, flaky) as url:
        operator.set_env(APP_URL=url)
        running = operator.start("cancel-all", "--market", "WHEAT-USD", "--json")
        running.until("its first pass", lambda: "cancelling 0/2" in running.err)
        running.signal(signal.SIGINT)
        ended = running.wait()
        leaving = operator.start("cancel-all", "--market", "WHEAT-USD", "--json")
        leaving.until("its first pass", lambda: "cancelling 0/2" in leaving.err)
        flaky.is_open.clear()
        time.sleep(RETRY_FAILED_S + 1)  # so that it is waiting for a response
        leaving.signal(signal.SIGINT)
        leaving.until("its word", lambda: "press again to quit now" in leaving.err)
        leaving.signal(signal.SIGINT)
        left = leaving.wait()
        flaky.is_open.set()
    assert (ended.code, len(ended.summary["survivors"]), ended.summary["proven"]) == (4, 2, False)
    assert (left.code, left.out) == (130, "")


def test_bad_input_is_refused_in_one_line_before_anything_is_sent(operator: Operator) -> None:
    assert "Missing option '--market'" in operator.ama("cancel-all").refusal(2)
    assert "no market named 'NO-SUCH'" in cancel_all(operator, "NO-SUCH").refusal(2)
    assert "wallets file none.csv not found" in cancel_all(operator, "XRP-USD", "--csv", "none.csv").refusal(2)
    operator.set_env(RPC_URL="http://127.0.0.1:1")
    assert cancel_all(operator, "XRP-USD").refusal(3).startswith("RPC_URL http://127.0.0.1:1 failed")
    assert not operator.state.exists()
