"""Conditions that block new orders. Each is reported when it begins and when it ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from ama_tui.domain.errors import VenueError
from ama_tui.domain.reading import FleetRead
from ama_tui.engine.execution.pre_trade_checks import STALE_AFTER_S
from ama_tui.engine.outage import Outage
from ama_tui.engine.reconciliation.rules import is_vanished
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.wallet_book import Fleet

FEW_VANISHED = 3
"""More orders than this that vanish unexplained stop all placing."""


class Health(Protocol):
    """The journal's state of health."""

    @property
    def problem(self) -> str:
        """Why the journal cannot write durably, '' if it can."""
        ...

    @property
    def can_recover(self) -> bool:
        """False if only a restart helps."""
        ...

    def probe(self) -> None:
        """Try to write again."""
        ...


@dataclass(slots=True)
class Outages:
    """What a run needs to place orders: the chain, prices that agree, the state directory, the journal."""

    context: RunContext
    health: Health
    chain: Outage = field(init=False)
    mark: Outage = field(init=False)
    saving: Outage = field(init=False)
    journal: Outage = field(init=False)
    prices: Outage = field(init=False)
    external: Outage = field(init=False)
    strategy: Outage = field(init=False)
    orders: Outage = field(init=False)
    fills: Outage = field(init=False)
    listing: Outage = field(init=False)
    nodes: Outage = field(init=False)
    second_node: Outage = field(init=False)
    push: Outage = field(init=False)
    limit: str = ""
    """The node's rate limit that the last read met, '' if it met none."""

    def __post_init__(self) -> None:
        outage = partial(Outage, self.context.action_log, self.context.counters)
        self.chain = outage("chain unreadable", "chain back")
        self.mark = outage("mark price unavailable", "mark price back")
        self.saving = outage("state not saved", "state saved again")
        self.journal = outage("journal not writable", "journal writable again")
        self.prices = outage("prices disagree", "prices agree again")
        self.external = outage("price sources unavailable", "price sources back")
        self.strategy = outage("strategy failed", "the strategy works again")
        self.orders = outage("orders unexplained", "every order explained again")
        self.fills = outage("fills unknown", "every fill known again")
        self.listing = outage("orders not listed", "the node lists every order again")
        self.nodes = outage("nodes disagree", "both nodes agree again")
        self.second_node = outage("second node unavailable", "second node back")
        self.push = outage("push lost", "push back")

    @property
    def can_recover(self) -> bool:
        return self.health.can_recover

    def chain_unread(self, error: VenueError) -> None:
        """Note that the chain could not be read. A rate limit is a wait: it is reported as such elsewhere."""
        if error.is_rate_limit:
            self.limit = error.message
        else:
            self.chain.begin(str(error))

    def chain_read(self) -> None:
        """Note that the chain was read."""
        self.limit = ""
        self.chain.end()

    def check_journal(self) -> None:
        """Check the journal, and try to write again if that may help."""
        if self.health.problem and self.health.can_recover:
            self.health.probe()
        self.journal.check(self.health.problem)

    def check_orders(self, read: FleetRead, fleet: Fleet) -> None:
        """Note orders that the node hides, as far as this can be detected."""
        unlisted = sum(wallet.unlisted for wallet in read.wallets.values())
        self.listing.check(
            f"the node does not list {unlisted} of the fleet's orders: reading each by its id" if unlisted else ""
        )
        vanished = sum(is_vanished(pending.unexplained_reads) for _, pending in fleet.pending())
        if vanished > FEW_VANISHED:
            self.orders.begin(
                f"{vanished} orders vanished without a trade or a cancel, and the vault holds their margin: "
                "the node may be hiding them"
            )
        elif not vanished:
            self.orders.end()

    def block_reason(self, read_age: float) -> str:
        """Why no new orders may be placed, '' if they may. `read_age` is the age of the last good read (seconds)."""
        if self.journal.text or self.saving.text:
            return self.journal.text or self.saving.text
        if self.chain.text and read_age > STALE_AFTER_S:
            return f"chain unreadable for {STALE_AFTER_S:.0f} s: {self.chain.text}"
        if self.limit and read_age > STALE_AFTER_S:
            return f"chain not read for {STALE_AFTER_S:.0f} s: {self.limit}"
        return self.prices.text or self.external.text or self.strategy.text or self.orders.text or self.nodes.text
