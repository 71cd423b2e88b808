"""What must hold before a session permit is signed: each field is our own choice or was checked on chain."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from ama_tui.domain.session import Caps, Methods, RelayerSet, SessionPermit
from ama_tui.engine.sessions.caps import are_alike
from ama_tui.venue.permits import relayer_set_problem

CLOCK_TOLERANCE_S = 300
"""Nothing is signed while the chain's clock and ours differ by more."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """Three clocks, in Unix seconds. The venue's is the `Date` header of its API, None if it sent none."""

    ours: int
    chain: int
    venue: float | None = None

    @property
    def problem(self) -> str | None:
        """Which clock looks wrong, None while ours and the chain's agree."""
        if abs(self.chain - self.ours) <= CLOCK_TOLERANCE_S:
            return None
        if self.venue is None:
            suspect = "this machine's clock or the node's is wrong"
        elif abs(self.venue - self.ours) <= CLOCK_TOLERANCE_S:
            suspect = "the node's clock looks wrong: the venue's API agrees with this machine"
        elif abs(self.venue - self.chain) <= CLOCK_TOLERANCE_S:
            suspect = "this machine's clock looks wrong: the venue's API agrees with the node"
        else:
            suspect = "the venue's API agrees with neither"
        return f"the latest block is from {_time(self.chain)}, this machine's clock says {_time(self.ours)}; {suspect}"


@dataclass(frozen=True, slots=True)
class PermitTerms:
    """What a permit may say. Times are Unix seconds."""

    trader: str
    """The wallet that signs."""
    market_ids: tuple[str, ...]
    """The order books' market ids, read from the chain."""
    listed_market_ids: tuple[str, ...]
    """The same as listed by the venue's API."""
    methods: Methods
    caps: Caps
    """A permit of an earlier process may differ a little: see `are_alike`."""
    relayers: RelayerSet
    nonce: int
    """The registry's next nonce of the wallet, which the venue's API confirmed."""
    clocks: Clocks
    longest_s: int
    """How long the session may last."""


def permit_problem(permit: SessionPermit, terms: PermitTerms) -> str | None:
    """Why a permit must not be signed, None if it may be."""
    if permit.trader.lower() != terms.trader.lower():
        return f"the permit is for {permit.trader}, not for the wallet {terms.trader}"
    for listed, on_chain in zip(terms.listed_market_ids, terms.market_ids, strict=True):
        if listed.lower() != on_chain.lower():
            return f"the venue's API lists market id {listed}, the order book on chain has {on_chain}"
    if permit.allowed_markets != terms.market_ids:
        return f"the permit is for market {', '.join(permit.allowed_markets)}, not {', '.join(terms.market_ids)}"
    if permit.methods != terms.methods:
        return f"the permit allows {permit.methods!r}, not {terms.methods!r}"
    if not are_alike(permit.caps, terms.caps):
        return f"the permit's caps are {permit.caps}, not {terms.caps}"
    problem = relayer_set_problem(terms.relayers)
    if problem is not None:
        return problem
    if permit.relayer_set_root.lower() != terms.relayers.root.lower():
        return f"the permit is for relayer root {permit.relayer_set_root}, not {terms.relayers.root}"
    if permit.nonce != terms.nonce:
        return f"the permit's nonce is {permit.nonce}, the registry's {terms.nonce}"
    if terms.clocks.problem is not None:
        return terms.clocks.problem
    if not terms.clocks.ours < permit.expiry <= terms.clocks.ours + terms.longest_s:
        return f"the permit would last until {_time(permit.expiry)}, not at most {terms.longest_s:,} s from now"
    return None


def _time(unix_s: int) -> str:
    try:
        return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return f"Unix time {unix_s}"
