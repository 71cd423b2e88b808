"""Trades counted once, whatever is read twice, and positions that the trades do not explain."""

from __future__ import annotations

from dataclasses import replace

from ama_tui.domain.market import BookView
from ama_tui.domain.order import Side
from ama_tui.domain.pnl import Pnl
from ama_tui.domain.reading import FleetRead, Trade, WalletRead
from ama_tui.engine.fleet_pnl import FleetPnl

ALICE, BOB, OTHER = (f"0x{number:040x}" for number in (1, 2, 3))
UNIT, PRICE, MARK = 10**18, 10**6, 100 * 10**6


def read(block: int, alice18: int = 0, bob18: int = 0, *, mark6: int | None = MARK) -> FleetRead:
    wallets = {ALICE: WalletRead(True, position18=alice18), BOB: WalletRead(True, position18=bob18)}
    return FleetRead(block, 1_700_000_000, True, BookView(vault_mark6=mark6), wallets)


def trade(block: int, buyer: str, seller: str, price: int = 100) -> Trade:
    return Trade(block, f"0x{block:064x}", 0, buyer, seller, price * PRICE, UNIT)


def begun(at: FleetRead) -> FleetPnl:
    pnl = FleetPnl()
    pnl.begin(at, [ALICE, BOB])
    return pnl


def test_trades_before_the_beginning_or_read_again_are_not_counted() -> None:
    pnl = begun(read(10))
    pnl.note([trade(10, ALICE, OTHER), trade(11, ALICE, OTHER)], 12)
    pnl.note([trade(11, ALICE, OTHER), trade(12, ALICE, OTHER), trade(13, OTHER, ALICE, 103)], 13)
    assert pnl.wallets[ALICE] == Pnl().after(Side.BUY, 100 * PRICE, UNIT).after(Side.SELL, 103 * PRICE, UNIT)
    assert (pnl.total.fills, pnl.total.realised6, pnl.through) == (2, 3 * PRICE, 13)


def test_trade_within_the_fleet_counts_for_both_and_earns_nothing() -> None:
    pnl = begun(read(10))
    pnl.note([trade(11, ALICE, BOB)], 11)
    assert (pnl.wallets[ALICE].position18, pnl.wallets[BOB].position18) == (UNIT, -UNIT)
    assert pnl.total.result6(MARK) == 0


def test_nothing_is_counted_before_the_beginning() -> None:
    pnl = FleetPnl()
    pnl.note([trade(5, ALICE, OTHER)], 6)
    assert (pnl.wallets, pnl.through) == ({}, 0)


def test_position_from_before_the_run_is_valued_at_its_first_mark() -> None:
    pnl = begun(read(10, alice18=2 * UNIT))
    assert pnl.wallets[ALICE].average6 == MARK
    assert (pnl.total.result6(MARK), pnl.total.result6(MARK + PRICE), pnl.total.fills) == (0, 2 * PRICE, 0)
    assert not pnl.problem


def test_position_without_any_price_makes_the_result_doubtful() -> None:
    assert "no price" in begun(read(10, alice18=UNIT, mark6=None)).problem
    assert not begun(read(10, mark6=None)).problem


def test_position_that_two_blocks_show_differently_is_taken_over_and_reported_once() -> None:
    pnl = begun(read(10))
    for block, expected in ((11, []), (11, []), (12, [ALICE]), (13, [])):
        pnl.note([], block)
        assert pnl.check(read(block, alice18=UNIT), [ALICE, BOB]) == expected
    assert pnl.wallets[ALICE].average6 == MARK
    assert "block 12" in pnl.problem


def test_one_odd_read_is_forgotten() -> None:
    pnl = begun(read(10))
    for block, position18 in ((11, UNIT), (12, 0), (13, UNIT)):
        pnl.note([], block)
        assert pnl.check(read(block, alice18=position18), [ALICE]) == []
    assert not pnl.problem


def test_positions_are_compared_only_at_the_block_that_the_trades_are_complete_to() -> None:
    pnl = begun(read(10))
    for block in (12, 13):
        assert pnl.check(read(block, alice18=UNIT), [ALICE]) == []
        assert pnl.check(replace(read(10, alice18=UNIT), pinned=False), [ALICE]) == []


def test_resumed_results_go_on_and_a_new_wallet_begins() -> None:
    stored = {ALICE: Pnl().after(Side.BUY, 90 * PRICE, UNIT)}
    pnl = FleetPnl()
    pnl.resume(stored, 20)
    pnl.note([trade(19, ALICE, OTHER), trade(21, ALICE, OTHER)], 25)
    pnl.begin(read(25, alice18=2 * UNIT, bob18=-UNIT), [ALICE, BOB])
    assert pnl.wallets[ALICE].position18 == 2 * UNIT
    assert pnl.wallets[BOB].average6 == MARK
    assert pnl.total.fills == 2
    assert stored[ALICE].fills == 1


def test_unknown_trades_leave_the_positions_of_the_chain_and_the_reason() -> None:
    pnl = FleetPnl()
    pnl.resume({ALICE: Pnl().after(Side.BUY, 90 * PRICE, UNIT)}, 20)
    pnl.take_over(read(900, alice18=-UNIT), "the node does not list the trades")
    assert (pnl.wallets[ALICE].position18, pnl.wallets[ALICE].realised6) == (-UNIT, 10 * PRICE)
    assert (pnl.through, pnl.problem) == (900, "the node does not list the trades")
