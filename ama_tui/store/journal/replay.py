"""What a run needs to know of earlier runs, from the journal."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ama_tui.domain.event import Action
from ama_tui.domain.order import Side
from ama_tui.domain.session import SessionPermit
from ama_tui.store.journal.entry import JournalEntry
from ama_tui.store.journal.permit_line import permit_of
from ama_tui.store.json_fields import as_integer

METHOD_PLACE = "sessionPlaceMarginLimit"
METHOD_MODIFY = "sessionModifyOrder"
METHOD_TAKE = "sessionPlaceMarginMarket"
METHOD_CANCEL = "sessionCancelOrder"
METHOD_SESSION = "sessionInit"

NEVER_RESTS = frozenset(
    {"rejected", "withdrawn", "executed", "reverted", "void", "filled", "cancelled", "moved", "gone"}
)
"""Statuses after which a placement is neither pending nor resting."""
RESTS = frozenset({"resting", "late"})

KEPT_ENDED = 10_000
"""How many placements that have ended are remembered: one of the last minutes may still reach the book."""
KEPT_SESSIONS = 20
"""How many expired sessions of a wallet are remembered."""

_SEEN = frozenset({"resting", "late", "executed", "reverted", "void", "filled", "cancelled", "moved", "gone"})
"""Statuses read from the chain: these lines were written without sending anything."""

_SENT = frozenset(
    action.value
    for action in (
        Action.INTENT,
        Action.SESSION_INIT,
        Action.PLACE_LIMIT,
        Action.PLACE_MARKET,
        Action.CANCEL_ORDER,
        Action.MODIFY_ORDER,
    )
)


KEPT_TAKES_MS = 3_600_000
"""Takes count for an hour."""

_SESSION_INIT, _INTENT = Action.SESSION_INIT.value, Action.INTENT.value
_TAKE, _TAKE_NUMBERS = Action.PLACE_MARKET.value, ("amount", "limit", "reach", "notional", "margin", "decidedIn")
_OUTCOMES = frozenset({Action.PLACE_LIMIT.value, Action.MODIFY_ORDER.value})


@dataclass(frozen=True, slots=True)
class AnnouncedSession:
    """A requested session. `expiry` is Unix seconds, None when the line has none.

    `is_confirmed` is True when the venue returned it; otherwise only the chain knows. `permit` is the requested permit,
    None when the line does not have all of it.
    """

    session_id: str
    expiry: int | None = None
    is_confirmed: bool = False
    permit: SessionPermit | None = None


@dataclass(frozen=True, slots=True)
class PlacedIntent:
    """A placement that was planned and perhaps sent. `run_id` and `ts` (Unix ms) are the intent's.

    `margin6` is its planned margin (USDC, 6 decimals). `status`, `error`, `tx_hash`, `order_id` and `block` (of the
    read that first showed it resting) come from its outcomes, if any. `moves` is the id of the order that it moved, 0
    for a new order.
    """

    wallet: str
    side: Side
    level: int
    amount18: int
    price6: int | None = None
    sequence: int | None = None
    ts: int = 0
    run_id: str = ""
    tx_hash: str | None = None
    order_id: int | None = None
    status: str | None = None
    error: str | None = None
    has_outcome: bool = False
    intent_id: str = ""
    margin6: int = 0
    block: int = 0
    moves: int = 0


@dataclass(frozen=True, slots=True)
class TakenIntent:
    """A take that was planned and perhaps sent. `ts` (Unix ms) is the intent's. USDC has 6 decimals."""

    wallet: str
    intent_id: str
    side: Side
    amount18: int
    limit6: int
    reach6: int
    notional6: int
    margin6: int
    decided_in: int
    ts: int
    tx_hash: str | None = None
    status: str | None = None
    traded6: int | None = None

    @property
    def is_settled(self) -> bool:
        return self.status in NEVER_RESTS

    @property
    def counted6(self) -> int:
        """What counts against its wallet's budget: all of it, unless the chain says otherwise."""
        if self.status in ("rejected", "withdrawn", "reverted"):
            return 0
        return self.notional6 if self.traded6 is None else self.traded6


@dataclass(slots=True)
class JournalReplay:
    """A digest of the journal; wallets are lower-case addresses.

    `last_action_at` is Unix milliseconds of a wallet's last request (skips and errors do not count). `sessions` are a
    wallet's announced sessions, the latest last. `placed` is by (wallet, amount18): the amount carries the order's tag.
    It has every placement that has not ended, and the last `KEPT_ENDED` that have; `ended` are their keys, the first to
    end first. `highest_sequence` is a wallet's highest tag sequence. `orders` maps (wallet, order id) to its placement,
    where a line has the id. `cancels` are the (wallet, order id) pairs whose cancel was intended. `takes` are those of
    the last hour and those that are not settled, by intent id.
    """

    last_action_at: dict[str, int] = field(default_factory=dict)
    sessions: dict[str, tuple[AnnouncedSession, ...]] = field(default_factory=dict)
    placed: dict[tuple[str, int], PlacedIntent] = field(default_factory=dict)
    highest_sequence: dict[str, int] = field(default_factory=dict)
    orders: dict[tuple[str, int], PlacedIntent] = field(default_factory=dict)
    cancels: set[tuple[str, int]] = field(default_factory=set)
    ended: OrderedDict[tuple[str, int], None] = field(default_factory=OrderedDict)
    takes: dict[str, TakenIntent] = field(default_factory=dict)
    entries: int = 0
    last_run_id: str = ""

    @property
    def newest_block(self) -> int:
        """The latest block that a read showed an order in, 0 without one."""
        return max((placed.block for placed in self.placed.values()), default=0)

    def add(self, entry: JournalEntry) -> None:
        """Take in the next line. Other tools' lines count as far as they are complete."""
        self.entries += 1
        self.last_run_id = entry.run_id or self.last_run_id
        params = entry.params or {}
        action, trader = entry.action, entry.trader
        if action in _SENT and trader and params.get("status") not in _SEEN:
            self.last_action_at[trader] = max(entry.ts, self.last_action_at.get(trader, 0))
        method = params.get("method")
        if action == _SESSION_INIT or method == METHOD_SESSION:
            self._note_session(entry, params)
        elif action == _INTENT and method in (METHOD_PLACE, METHOD_MODIFY):
            self._note_intent(entry, params)
        elif action == _TAKE or (action == _INTENT and method == METHOD_TAKE):
            self._note_take(entry, params)
        elif action == _INTENT and method == METHOD_CANCEL:
            order_id = as_integer(params.get("orderId"))
            if order_id is not None:
                self.cancels.add((trader, order_id))
        elif action in _OUTCOMES:
            self._note_outcome(entry, params)

    def copy(self) -> JournalReplay:
        """An equal digest that further lines do not change."""
        return JournalReplay(
            dict(self.last_action_at),
            dict(self.sessions),
            dict(self.placed),
            dict(self.highest_sequence),
            dict(self.orders),
            set(self.cancels),
            self.ended.copy(),
            dict(self.takes),
            self.entries,
            self.last_run_id,
        )

    def _note_session(self, entry: JournalEntry, params: Mapping[str, object]) -> None:
        session_id = params.get("sessionId")
        if not isinstance(session_id, str) or not session_id:
            return
        earlier = self.sessions.get(entry.trader, ())
        known = next((session for session in earlier if session.session_id == session_id), None)
        expiry = as_integer(params.get("expiry"))
        is_confirmed = entry.action == _SESSION_INIT and entry.error is None
        session = AnnouncedSession(
            session_id,
            expiry if known is None or expiry is not None else known.expiry,
            is_confirmed or (known is not None and known.is_confirmed),
            permit_of(params) or (None if known is None else known.permit),
        )
        others = [one for one in earlier if one.session_id != session_id]
        while len(others) >= KEPT_SESSIONS and (others[0].expiry or 0) * 1000 < entry.ts:
            del others[0]
        self.sessions[entry.trader] = (*others, session)

    def _note_intent(self, entry: JournalEntry, params: Mapping[str, object]) -> None:
        placed = _placement(entry, params)
        if placed is None:
            return
        key = entry.trader, placed.amount18
        self._forget(key)
        self.placed[key] = placed
        if placed.sequence is not None:
            highest = self.highest_sequence.get(entry.trader, -1)
            self.highest_sequence[entry.trader] = max(highest, placed.sequence)

    def _note_outcome(self, entry: JournalEntry, params: Mapping[str, object]) -> None:
        placed = _placement(entry, params)
        if placed is None:
            return
        key = entry.trader, placed.amount18
        intent = self.placed.get(key, placed)
        status, order_id, block = params.get("status"), as_integer(params.get("orderId")), params.get("block")
        seen_at = as_integer(block) if status == "resting" else None
        settled = PlacedIntent(
            intent.wallet,
            intent.side,
            intent.level,
            intent.amount18,
            intent.price6 if placed.price6 is None else placed.price6,
            intent.sequence,
            intent.ts,
            intent.run_id,
            entry.tx_hash or intent.tx_hash,
            intent.order_id if order_id is None else order_id,
            status if isinstance(status, str) else intent.status,
            entry.error,
            has_outcome=True,
            intent_id=intent.intent_id,
            margin6=intent.margin6,
            block=intent.block if seen_at is None else seen_at,
            moves=intent.moves,
        )
        self._forget_id(intent)
        self.placed[key] = settled
        if settled.order_id is not None:
            self.orders[entry.trader, settled.order_id] = settled
        self.ended.pop(key, None)
        if settled.status in NEVER_RESTS:
            self.ended[key] = None
            while len(self.ended) > KEPT_ENDED:
                self._forget(next(iter(self.ended)))

    @property
    def known_hashes(self) -> frozenset[str]:
        """The transactions of all placements and takes."""
        placed = {one.tx_hash for one in self.placed.values() if one.tx_hash}
        return frozenset(placed.union(one.tx_hash for one in self.takes.values() if one.tx_hash))

    def _note_take(self, entry: JournalEntry, params: Mapping[str, object]) -> None:
        intent_id = entry.intent_id
        if not intent_id:
            return  # another tool's line: it says nothing about how the take ended
        known = self.takes.get(intent_id)
        if known is None:
            taken = _taken(entry, intent_id, params)
            if taken is None:
                return
            self.takes = {
                key: one for key, one in self.takes.items() if not one.is_settled or one.ts > entry.ts - KEPT_TAKES_MS
            }
            known = taken
        if entry.action == _TAKE:
            status = params.get("status")
            known = replace(
                known,
                tx_hash=entry.tx_hash or known.tx_hash,
                status=status if isinstance(status, str) else known.status,
                traded6=as_integer(params.get("traded")),
            )
        self.takes[intent_id] = known

    def _forget(self, key: tuple[str, int]) -> None:
        """Drop a placement that has ended long ago, or whose tag is used again."""
        placed = self.placed.pop(key, None)
        self.ended.pop(key, None)
        if placed is not None:
            self._forget_id(placed)
            if placed.order_id is not None:
                self.cancels.discard((placed.wallet, placed.order_id))

    def _forget_id(self, placed: PlacedIntent) -> None:
        """Drop a placement's order id, unless another placement has it now."""
        if placed.order_id is not None and self.orders.get((placed.wallet, placed.order_id)) is placed:
            del self.orders[placed.wallet, placed.order_id]


def session_ids(replayed: JournalReplay, wallet: str, stored: str | None) -> tuple[str, ...]:
    """The ids of a wallet's sessions, the most likely last: the checkpoint's (`stored`) and the journal's."""
    journalled = tuple(one.session_id for one in replayed.sessions.get(wallet, ()))
    return (stored, *journalled) if stored and stored not in journalled else journalled


def replay(entries: Iterable[JournalEntry], after: JournalReplay | None = None) -> JournalReplay:
    """Read the journal once, first line to last: a digest of these lines, or of them and those in `after`."""
    found = JournalReplay() if after is None else after
    for entry in entries:
        found.add(entry)
    return found


def _taken(entry: JournalEntry, intent_id: str, params: Mapping[str, object]) -> TakenIntent | None:
    """The take in a line, None unless the line has all of it."""
    side = params.get("side")
    numbers = [as_integer(params.get(key)) for key in _TAKE_NUMBERS]
    known = [number for number in numbers if number is not None]
    if side not in ("buy", "sell") or len(known) < len(numbers):
        return None
    amount18, limit6, reach6, value6, margin6, decided_in = known
    return TakenIntent(
        entry.trader, intent_id, Side(side), amount18, limit6, reach6, value6, margin6, decided_in, entry.ts
    )


def _placement(entry: JournalEntry, params: Mapping[str, object]) -> PlacedIntent | None:
    """The placement in a line, None without side, level or amount."""
    side = params.get("side")
    level, amount18 = as_integer(params.get("level")), as_integer(params.get("amount"))
    if side not in ("buy", "sell") or level is None or amount18 is None:
        return None
    return PlacedIntent(
        wallet=entry.trader,
        side=Side(side),
        level=level,
        amount18=amount18,
        price6=as_integer(params.get("price")),
        sequence=as_integer(params.get("sequence")),
        ts=entry.ts,
        run_id=entry.run_id,
        intent_id=entry.intent_id or "",
        margin6=as_integer(params.get("margin")) or 0,
        moves=as_integer(params.get("oldOrderId")) or 0,
    )
