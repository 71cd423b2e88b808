"""What the journal says happened: what a run needs to know of the ones before it."""

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
"""Statuses that the chain told: their lines were written without anything being sent."""

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
    """A session that was asked for. `expiry` is Unix seconds, None when the line did not say.

    `is_confirmed` is True when the venue answered with it; otherwise only the chain knows. `permit` is what was
    asked for, None where the line did not say all of it.
    """

    session_id: str
    expiry: int | None = None
    is_confirmed: bool = False
    permit: SessionPermit | None = None


@dataclass(frozen=True, slots=True)
class PlacedIntent:
    """A placement that was decided and perhaps sent. `run_id` and `ts` (Unix ms) are the intent's.

    `margin6` is the margin it was reckoned to need (USDC, 6 decimals). `status`, `error`, `tx_hash`,
    `order_id` and `block` (of the read that first showed it resting) come from its outcomes, where there were any.
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
    """The journal in short; wallets are addresses in lower case.

    `last_action_at` is Unix milliseconds of the last thing a wallet sent (skips and errors do not count).
    `sessions` are a wallet's announced sessions, the latest last. `placed` is by (wallet, amount18): the
    amount carries the order's tag. `highest_sequence` is the highest tag sequence of a wallet.
    `orders` is by (wallet, order id): the placement that the order came from, where a line named its id.
    `cancels` are the (wallet, order id) whose cancel was decided.
    """

    last_action_at: dict[str, int] = field(default_factory=dict)
    sessions: dict[str, tuple[AnnouncedSession, ...]] = field(default_factory=dict)
    placed: dict[tuple[str, int], PlacedIntent] = field(default_factory=dict)
    highest_sequence: dict[str, int] = field(default_factory=dict)
    orders: dict[tuple[str, int], PlacedIntent] = field(default_factory=dict)
    cancels: set[tuple[str, int]] = field(default_factory=set)
    entries: int = 0
    last_run_id: str = ""

    def level_of(self, wallet: str, order_id: int) -> int | None:
        """The level that an order was placed for, None when no line says."""
        placed = self.orders.get((wallet.lower(), order_id))
        return None if placed is None else placed.level


def sessions_known(replayed: JournalReplay, wallet: str, stored: str | None) -> tuple[str, ...]:
    """The ids of a wallet's sessions, the likeliest last: the checkpoint's (`stored`) and those in the journal."""
    journalled = tuple(one.session_id for one in replayed.sessions.get(wallet, ()))
    return (stored, *journalled) if stored and stored not in journalled else journalled


def replay(entries: Iterable[JournalEntry]) -> JournalReplay:
    """Go through the journal once, first to last. Lines of other tools count as far as they say enough."""
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
    """The placement that a line speaks of, None when it does not say side, level and amount."""
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
