"""What does not grow with the fleet: a pre-trade check of one order, and the cycle's share of a save."""

from __future__ import annotations

import asyncio
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from ama_tui.config.paths import StatePaths
from ama_tui.domain.order import Side
from ama_tui.domain.plan import WalletBudget
from ama_tui.domain.wallet import FleetWallet
from ama_tui.engine.execution.pre_trade_checks import placement_refusal
from ama_tui.engine.fleet_pnl import FleetPnl
from ama_tui.engine.run.autosave import Autosave
from ama_tui.engine.session_slot import SessionSlot
from ama_tui.engine.wallet_book import Fleet, WalletBook
from ama_tui.store.checkpoint import WalletEntry
from ama_tui.store.state_store import StateStore
from tests.bench.figures import Figure, Kind, at_most
from tests.bench.scale import Scale
from tests.bench.timing import best_ms
from tests.engine.samples import PRICE6, TICK6, fleet_read, place, resting, wallet_read
from tests.store.samples import BOOK, CHAIN_ID, checkpoint

CHECKS = 200
SAVES = 3
CHECK_GOAL, SAVE_GOAL = at_most(40), at_most(20)


def measure(scale: Scale) -> list[Figure]:
    """Microseconds of a check by the size of the fleet, and milliseconds that a cycle waits for a save."""
    checks = {wallets: _check_us(wallets, scale.repeats) for wallets in scale.checked_fleets}
    least = checks[min(checks)]
    return [
        *(
            Figure(
                f"pre-trade check, {wallets:,} wallets", us, "µs", CHECK_GOAL, f"{us / least:.2f} × the least", Kind.CPU
            )
            for wallets, us in checks.items()
        ),
        asyncio.run(_save(scale.saved_wallets)),
    ]


def _address(number: int) -> str:
    return f"0x{number:040x}"


def _check_us(wallets: int, repeats: int) -> float:
    """One pre-trade check of an order with a packed fleet."""
    books = []
    for number in range(wallets):
        book = WalletBook(FleetWallet(number, f"User{number}", _address(number)), SessionSlot("0x" + "11" * 32))
        book.plan(WalletBudget(10**15, 10**15, 0, 0), ())
        orders = [
            place(
                book.address, side, level, PRICE6 + (-1 if side.is_buy else 1) * TICK6 * (10 + (number + level) % 110)
            )
            for side in Side
            for level in range(1, 7)
        ]
        book.take_read(wallet_read(*(resting(one, at + number * 100) for at, one in enumerate(orders))), 1)
        books.append(book)
    fleet, read, own = Fleet(books), fleet_read(), books[wallets // 2]
    order = place(own.address, Side.BUY, 7, PRICE6 - 50 * TICK6)

    def check() -> None:
        for _ in range(CHECKS):
            if placement_refusal(order, own, read, fleet, now=1000.0, read_age=0.0) is not None:
                raise AssertionError("the order was refused: this would not be a whole check")

    return best_ms({"check": check}, repeats)["check"] * 1000 / CHECKS


async def _save(wallets: int) -> Figure:
    """How long a cycle waits for a save when every wallet changed."""
    with TemporaryDirectory(prefix="ama-bench-") as directory:
        store = StateStore.open(StatePaths(Path(directory) / "state", CHAIN_ID, BOOK))
        addresses = [_address(number) for number in range(wallets)]
        store.begin(checkpoint(*(WalletEntry(one, "User", index=at) for at, one in enumerate(addresses))))
        fleet = Fleet(WalletBook(FleetWallet(at, "User", one)) for at, one in enumerate(addresses))
        waits_ms, totals_ms = [], []
        for turn in range(1, SAVES + 1):
            for book in fleet:
                book.acted(turn)
            saved = asyncio.Event()
            autosave = Autosave(store, fleet, FleetPnl(), saved.set)
            began = perf_counter()
            autosave.begin_if_due()
            waits_ms.append((perf_counter() - began) * 1000)
            await saved.wait()
            totals_ms.append((perf_counter() - began) * 1000)
        store.close()
    detail = f"{wallets:,} changed wallets; on disk after {median(totals_ms):.0f} ms"
    return Figure(
        f"autosave of {wallets:,} changed wallets, the cycle waits", median(waits_ms), "ms", SAVE_GOAL, detail, Kind.CPU
    )
