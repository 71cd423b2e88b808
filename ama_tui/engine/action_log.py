"""Writes every action to the journal, then shows it on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from time import monotonic, time_ns

from ama_tui.domain.errors import JournalError
from ama_tui.domain.event import Action, LogEvent
from ama_tui.domain.market import Market
from ama_tui.domain.money import format_amount, format_price
from ama_tui.domain.plan import Cancel, Modify, Place
from ama_tui.domain.reading import Trade
from ama_tui.domain.wallet import FleetWallet
from ama_tui.engine.publisher import Publisher
from ama_tui.engine.repeated_errors import RepeatedErrors
from ama_tui.engine.takes import PendingTake
from ama_tui.store.journal.best_effort import BestEffortJournal, JournalSink
from ama_tui.store.journal.entry import JournalEntry

_intent_ids = Random()  # an id is no secret, and the system's generator takes a system call


def now_ms() -> int:
    """Unix milliseconds."""
    return time_ns() // 1_000_000


def new_intent_id() -> str:
    """32 hexadecimal digits that no other intent has."""
    return f"{_intent_ids.getrandbits(128):032x}"


@dataclass(slots=True)
class ActionLog:
    """Writes a run's journal lines and the matching log events."""

    journal: JournalSink
    publisher: Publisher
    market: Market
    run_id: str
    _repeated: RepeatedErrors = field(init=False, default_factory=RepeatedErrors)

    def forgive(self) -> None:
        """From now on, report a failing journal once and continue without it."""
        if not isinstance(self.journal, BestEffortJournal):
            self.journal = BestEffortJournal(
                self.journal.path,
                self.journal,
                lambda error: self.show(Action.ERROR, f"continuing without the journal: {error}", is_error=True),
            )

    async def intent(self, wallet: FleetWallet, intent_id: str, method: str, params: Mapping[str, object]) -> None:
        """Write an intent before it is sent. It is on disk when this returns. Raises JournalFullError,
        JournalSyncError.
        """
        await self.journal.write_durable(
            self._entry(wallet, Action.INTENT, params={"method": method, **params}, intent_id=intent_id)
        )

    def outcome(
        self,
        wallet: FleetWallet,
        action: Action,
        text: str,
        *,
        params: Mapping[str, object] | None = None,
        tx_hash: str | None = None,
        error: str | None = None,
        intent_id: str | None = None,
        is_shown: bool = True,
    ) -> None:
        """Write the result of an action, then show it. `intent_id` links it to its intent, if it had one.

        The error of a request is not shown again while it repeats.
        """
        self._write(self._entry(wallet, action, params=params, tx_hash=tx_hash, error=error, intent_id=intent_id))
        if is_shown and (error is None or action is Action.ERROR or self._is_new(error, wallet)):
            self.show(action, text, wallet, is_error=error is not None, tx_hash=tx_hash or "")

    def placement(
        self,
        wallet: FleetWallet,
        intent_id: str,
        place: Place,
        status: str,
        text: str | None,
        *,
        tx_hash: str | None = None,
        error: str | None = None,
        order_id: int | None = None,
        block: int | None = None,
        moves: int = 0,
    ) -> None:
        """Write the result of a placement, or of the move of the order `moves`. Shows `text`, unless it is None or an
        error that repeats.

        With an order id the line is short: the intent has the rest.
        """
        action = Action.MODIFY_ORDER if moves else Action.PLACE_LIMIT
        params = {**(modify_params(place, moves) if moves else place_params(place)), "status": status}
        if order_id is not None:
            kept = ("side", "level", "amount", "status")
            params = {key: params[key] for key in kept} | {"orderId": str(order_id), "block": block}
        self._write(self._entry(wallet, action, params=params, tx_hash=tx_hash, error=error, intent_id=intent_id))
        if text is not None and (error is None or self._is_new(error, wallet)):
            line = f"{self.describe(place)}  {text}"
            self.show(action, line, wallet, is_error=error is not None, tx_hash=tx_hash or "")

    def take(
        self,
        wallet: FleetWallet,
        pending: PendingTake,
        status: str,
        text: str | None,
        *,
        tx_hash: str | None = None,
        error: str | None = None,
        traded6: int | None = None,
        block: int | None = None,
    ) -> None:
        """Write the result of a take. Shows `text`, unless it is None or an error that repeats.

        `traded6` is what it traded (USDC, 6 decimals), once that is known.
        """
        params = {**take_params(pending), "status": status}
        if traded6 is not None:
            params["traded"] = str(traded6)
        if block is not None:
            params["block"] = block
        intent_id, action = pending.intent_id, Action.PLACE_MARKET
        self._write(self._entry(wallet, action, params=params, tx_hash=tx_hash, error=error, intent_id=intent_id))
        if text is not None and (error is None or self._is_new(error, wallet)):
            amount = format_amount(pending.take.amount18)
            line = f"{pending.take.side.value:4} {amount} at market  {text}"
            self.show(action, line, wallet, is_error=error is not None, tx_hash=tx_hash or "")

    def taken_over(self, wallet: FleetWallet, intent_id: str, place: Place, order_id: int, block: int) -> None:
        """Journal a resting order that has no intent, with everything that an intent would have recorded."""
        params = {**place_params(place), "status": "resting", "orderId": str(order_id), "block": block}
        self._write(self._entry(wallet, Action.PLACE_LIMIT, params=params, intent_id=intent_id))

    def note(self, text: str, *, is_error: bool = False, params: Mapping[str, object] | None = None) -> None:
        """Write a line about the whole run, then show it."""
        action = Action.ERROR if is_error else Action.NOTE
        entry = self._entry(None, action, params={"text": text, **(params or {})}, error=text if is_error else None)
        self._write(entry)
        self.show(action, text, is_error=is_error)

    def not_sent(self, wallet: FleetWallet, place: Place | Modify, reason: str) -> None:
        """Show why an order was not sent, unless the reason repeats. Nothing is journalled: there was no intent."""
        if self._is_new(reason, wallet):
            self.show(Action.SKIP, f"{self.describe(place)} not sent: {reason}", wallet)

    def report_repeated(self, *, is_last: bool = False) -> None:
        """Report how often an error occurred, once it is over or the run ends."""
        for text in [*self._repeated.over(monotonic()), *(self._repeated.lasting() if is_last else ())]:
            self.note(text)

    def note_error(self, text: str) -> None:
        """Write and show an error of the whole run, unless it repeats."""
        if self._repeated.is_new(text, "", monotonic()):
            self.note(text, is_error=True)

    def fill(self, wallet: FleetWallet, side: str, trade: Trade) -> None:
        """Write one side of a trade of ours."""
        price = format_price(trade.price6, self.market.tick6)
        params = {
            "side": side,
            "price": str(trade.price6),
            "amount": str(trade.amount18),
            "block": trade.block,
        }
        text = f"{side:4} {format_amount(trade.amount18)} @ {price}"
        self.outcome(wallet, Action.FILL, text, params=params, tx_hash=trade.tx_hash)

    def show(
        self,
        action: Action,
        text: str,
        wallet: FleetWallet | None = None,
        *,
        is_error: bool = False,
        tx_hash: str = "",
    ) -> None:
        """Show a line on the screen without writing it to the journal."""
        address, nickname = ("", "") if wallet is None else (wallet.address, wallet.nickname)
        self.publisher.log(LogEvent(now_ms(), action, text, address, nickname, is_error, tx_hash))

    def describe(self, place: Place | Modify) -> str:
        """For example `sell 0.184 @ 2,500.52 L3`."""
        price = format_price(place.price6, self.market.tick6)
        return f"{place.side.value:4} {format_amount(place.amount18)} @ {price} L{place.level}"

    def _is_new(self, error: str, wallet: FleetWallet) -> bool:
        return self._repeated.is_new(error, wallet.address, monotonic())

    def _write(self, entry: JournalEntry) -> None:
        """Append a line without waiting for the disk.

        A failure does not stop cancels or monitoring: the intent was written first, and the next start takes its result
        from the chain. The run's state shows that the journal is failing.
        """
        with suppress(JournalError):
            self.journal.append(entry)

    def _entry(
        self,
        wallet: FleetWallet | None,
        action: Action,
        *,
        params: Mapping[str, object] | None = None,
        tx_hash: str | None = None,
        error: str | None = None,
        intent_id: str | None = None,
    ) -> JournalEntry:
        return JournalEntry(
            ts=now_ms(),
            run_id=self.run_id,
            chain_id=self.market.chain_id,
            order_book=self.market.address,
            market_id=self.market.market_id,
            trader="" if wallet is None else wallet.address,
            action=action.value,
            nickname=None if wallet is None else wallet.nickname,
            role=None if wallet is None else wallet.role.value,
            params=params,
            tx_hash=tx_hash,
            error=error,
            intent_id=intent_id,
        )


def place_params(place: Place) -> dict[str, object]:
    """A placement as stored in the journal; integers are decimal strings."""
    return {
        "side": place.side.value,
        "level": place.level,
        "price": str(place.price6),
        "amount": str(place.amount18),
        "sequence": place.sequence,
        "margin": str(place.margin6),
    }


def take_params(pending: PendingTake) -> dict[str, object]:
    """A take as stored in the journal."""
    return {
        "side": pending.take.side.value,
        "amount": str(pending.take.amount18),
        "limit": str(pending.take.limit6),
        "reach": str(pending.reach6),
        "notional": str(pending.notional6),
        "margin": str(pending.margin6),
        "decidedIn": pending.decided_in,
    }


def modify_params(place: Place, moves: int) -> dict[str, object]:
    """The move of an order (by its id) to another place as stored in the journal."""
    return {**place_params(place), "oldOrderId": str(moves)}


def cancel_params(cancel: Cancel) -> dict[str, object]:
    """A cancel as stored in the journal."""
    params: dict[str, object] = {"orderId": str(cancel.order_id), "reason": cancel.reason.value}
    if cancel.level is not None:
        params["level"] = cancel.level
    return params
