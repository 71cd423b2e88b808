"""What a run needs to know of earlier runs, from the journal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ama_tui.domain.event import Action
from ama_tui.domain.order import Side
from ama_tui.domain.session import SessionPermit
from ama_tui.store.journal.entry import JournalEntry
from ama_tui.store.journal.permit_line import permit_of
from ama_tui.store.json_fields import as_integer

METHOD_PLACE = "sessionPlaceMarginLimit"
METHOD_CANCEL = "sessionCancelOrder"
METHOD_SESSION = "sessionInit"

_SEEN = frozenset({"resting", "late", "executed", "reverted", "void", "filled", "cancelled", "gone"})
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
    read that first showed it resting) come from its outcomes, if any.
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


@dataclass(slots=True)
class JournalReplay:
    """A digest of the journal; wallets are lower-case addresses.

    `last_action_at` is Unix milliseconds of a wallet's last request (skips and errors do not count). `sessions` are a
    wallet's announced sessions, the latest last. `placed` is by (wallet, amount18): the amount carries the order's tag.
    `highest_sequence` is a wallet's highest tag sequence. `orders` maps (wallet, order id) to its placement, where a
    line has the id. `cancels` are the (wallet, order id) pairs whose cancel was intended.
    """

    last_action_at: dict[str, int] = field(default_factory=dict)
    sessions: dict[str, tuple[AnnouncedSession, ...]] = field(default_factory=dict)
    placed: dict[tuple[str, int], PlacedIntent] = field(default_factory=dict)
    highest_sequence: dict[str, int] = field(default_factory=dict)
    orders: dict[tuple[str, int], PlacedIntent] = field(default_factory=dict)
    cancels: set[tuple[str, int]] = field(default_factory=set)
    entries: int = 0
    last_run_id: str = ""

    @property
    def newest_block(self) -> int:
        """The latest block that a read showed an order in, 0 without one."""
        return max((placed.block for placed in self.placed.values()), default=0)


def session_ids(replayed: JournalReplay, wallet: str, stored: str | None) -> tuple[str, ...]:
    """The ids of a wallet's sessions, the most likely last: the checkpoint's (`stored`) and the journal's."""
    journalled = tuple(one.session_id for one in replayed.sessions.get(wallet, ()))
    return (stored, *journalled) if stored and stored not in journalled else journalled


def replay(entries: Iterable[JournalEntry]) -> JournalReplay:
    """Read the journal once, first line to last. Other tools' lines count as far as they are complete."""
    found = JournalReplay()
    for entry in entries:
        found.entries += 1
        found.last_run_id = entry.run_id or found.last_run_id
        params = entry.params or {}
        if entry.action in _SENT and entry.trader and params.get("status") not in _SEEN:
            found.last_action_at[entry.trader] = max(entry.ts, found.last_action_at.get(entry.trader, 0))
        method = params.get("method")
        if entry.action == Action.SESSION_INIT.value or method == METHOD_SESSION:
            _note_session(found, entry, params)
        elif entry.action == Action.INTENT.value and method == METHOD_PLACE:
            _note_intent(found, entry, params)
        elif entry.action == Action.INTENT.value and method == METHOD_CANCEL:
            order_id = as_integer(params.get("orderId"))
            if order_id is not None:
                found.cancels.add((entry.trader, order_id))
        elif entry.action in (Action.PLACE_LIMIT.value, Action.MODIFY_ORDER.value):
            _note_outcome(found, entry, params)
    return found


def _note_session(found: JournalReplay, entry: JournalEntry, params: Mapping[str, object]) -> None:
    session_id = params.get("sessionId")
    if not isinstance(session_id, str) or not session_id:
        return
    earlier = found.sessions.get(entry.trader, ())
    known = next((session for session in earlier if session.session_id == session_id), None)
    expiry = as_integer(params.get("expiry"))
    is_confirmed = entry.action == Action.SESSION_INIT.value and entry.error is None
    session = AnnouncedSession(
        session_id,
        expiry if known is None or expiry is not None else known.expiry,
        is_confirmed or (known is not None and known.is_confirmed),
        permit_of(params) or (None if known is None else known.permit),
    )
    others = tuple(one for one in earlier if one.session_id != session_id)
    found.sessions[entry.trader] = (*others, session)


def _note_intent(found: JournalReplay, entry: JournalEntry, params: Mapping[str, object]) -> None:
    placed = _placement(entry, params)
    if placed is None:
        return
    found.placed[entry.trader, placed.amount18] = placed
    if placed.sequence is not None:
        highest = found.highest_sequence.get(entry.trader, -1)
        found.highest_sequence[entry.trader] = max(highest, placed.sequence)


def _note_outcome(found: JournalReplay, entry: JournalEntry, params: Mapping[str, object]) -> None:
    placed = _placement(entry, params)
    if placed is None:
        return
    intent = found.placed.get((entry.trader, placed.amount18), placed)
    status = params.get("status")
    order_id = as_integer(params.get("orderId"))
    block = as_integer(params.get("block"))
    settled = replace(
        intent,
        price6=intent.price6 if placed.price6 is None else placed.price6,
        tx_hash=entry.tx_hash or intent.tx_hash,
        order_id=intent.order_id if order_id is None else order_id,
        status=status if isinstance(status, str) else intent.status,
        error=entry.error,
        has_outcome=True,
        block=block if status == "resting" and block is not None else intent.block,
    )
    found.placed[entry.trader, placed.amount18] = settled
    if settled.order_id is not None:
        found.orders[entry.trader, settled.order_id] = settled


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
    )
