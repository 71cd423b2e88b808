"""Sample values for the engine's tests: one market, a few wallets and their orders."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from ama_tui.domain.market import Book, BookLevel, BookView, Market, MarketTerms
from ama_tui.domain.money import margin6
from ama_tui.domain.order import TAG_UNIT, RestingOrder, Side, Tag, encode_tag
from ama_tui.domain.plan import Cancel, CancelReason, Place, WalletBudget
from ama_tui.domain.reading import FleetRead, Trade, WalletRead
from ama_tui.domain.wallet import FleetWallet
from ama_tui.engine.pending_orders import PendingPlacement
from ama_tui.engine.sent_request import PendingStage
from ama_tui.engine.session_slot import SessionSlot
from ama_tui.engine.wallet_book import Fleet, WalletBook

TICK6 = 10_000
MARKET = Market("ETH-USD", "0x" + "ab" * 20, "0x" + "cd" * 32, 31_337, TICK6)
TERMS = MarketTerms("0x" + "fa" * 20, MARKET.market_id, 10_000)
ALICE, BOB, CAROL = ("0x" + digit * 40 for digit in "abc")
NAMES = {ALICE: "alice", BOB: "bob", CAROL: "carol"}
SIZE18 = 10**17
PRICE6 = 2_500_000_000

_intents = count(1)


def place(
    wallet: str = ALICE,
    side: Side = Side.BUY,
    level: int = 1,
    price6: int = PRICE6,
    sequence: int = 0,
    size18: int = SIZE18,
) -> Place:
    amount18 = size18 // TAG_UNIT * TAG_UNIT + encode_tag(Tag(level, sequence))
    return Place(wallet, side, level, price6, amount18, margin6(amount18, price6, 15_000), sequence)


def cancel(wallet: str = ALICE, order_id: int = 1) -> Cancel:
    return Cancel(wallet, order_id, Side.BUY, PRICE6, SIZE18, CancelReason.OPERATOR)


def pending(
    placed: Place,
    *,
    at: float = 0.0,
    stage: PendingStage = PendingStage.ACCEPTED,
    tx_hash: str | None = None,
    intent_id: str = "",
) -> PendingPlacement:
    return PendingPlacement(intent_id or f"intent-{next(_intents)}", placed, at, None, stage, tx_hash)


def resting(placed: Place, order_id: int, *, left18: int | None = None) -> RestingOrder:
    """The resting order that a placement became; `left18` of it is left."""
    amount18 = placed.amount18 if left18 is None else left18
    return order(placed.wallet, order_id, placed.side, placed.price6, amount18)


def order(
    wallet: str = ALICE, order_id: int = 1, side: Side = Side.BUY, price6: int = PRICE6, amount18: int = SIZE18
) -> RestingOrder:
    return RestingOrder(order_id, wallet, side, price6, amount18, margin6(amount18, price6, 15_000), 1_000)


def book(wallet: str = ALICE, *sents: PendingPlacement, cap6: int | None = 10**12) -> WalletBook:
    """A wallet that may trade, with these pending placements."""
    found = WalletBook(FleetWallet(list(NAMES).index(wallet), NAMES[wallet], wallet), SessionSlot("0x" + "11" * 32))
    for placement in sents:
        found.pending.add(placement)
    found.read = WalletRead(True)
    if cap6 is not None:
        found.budget = WalletBudget(cap6 * 5, cap6, 0, 0)
    return found


def fleet(*books: WalletBook) -> Fleet:
    return Fleet(books)


def wallet_read(*orders: RestingOrder, available6: int = 10**10, locked6: int = 0) -> WalletRead:
    return WalletRead(True, available6=available6, locked6=locked6, orders=orders)


def fleet_read(
    wallets: Sequence[WalletBook] = (),
    *,
    bid6: int | None = PRICE6 - 5 * TICK6,
    ask6: int | None = PRICE6 + 5 * TICK6,
    block: int = 100,
    depth: Book | None = None,
) -> FleetRead:
    reads = {one.address: one.read or WalletRead(False, "not read") for one in wallets}
    return FleetRead(block, 1_000, True, BookView(bid6, ask6, book=depth or Book()), reads)


def depth(bids: dict[int, int] | None = None, asks: dict[int, int] | None = None) -> Book:
    """A book of amounts by price."""
    return Book(
        tuple(BookLevel(price6, amount18) for price6, amount18 in sorted((bids or {}).items(), reverse=True)),
        tuple(BookLevel(price6, amount18) for price6, amount18 in sorted((asks or {}).items())),
    )


def trade(tx_hash: str, buyer: str, seller: str, block: int = 100) -> Trade:
    return Trade(block, tx_hash, 0, buyer, seller, PRICE6, SIZE18)
