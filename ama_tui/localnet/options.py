"""The options of a local venue."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from ama_tui.localnet.faults.rules import Faults, read_faults

NodeKind = Literal["embedded", "anvil"]
EngineName = Literal["auto", "pyrevm", "py-evm"]


@dataclass(frozen=True, slots=True)
class VenueOptions:
    """What `LocalVenue.start` builds. Raises ValueError if a value is out of range."""

    wallets: int = 10
    """How many funded wallets."""
    usdc6: int = 10_000_000_000
    """Collateral of each wallet in USDC, 6 decimals."""
    block_time: float = 1.0
    """Seconds between blocks; 0 mines a block per transaction."""
    seed: int = 1
    """Determines all accounts and the traders' decisions."""
    node: NodeKind = "embedded"
    margin_only: bool = False
    """Refuse the two spot methods."""
    fast: bool = False
    """Reply `pending` to every trade immediately, without simulating it first."""
    traders: bool = True
    """Whether the traders act after the first quotes."""
    receipt_wait: float = 7.0
    """Seconds to wait for the receipt of a trade before the reply is `pending`."""
    chain_id: int = 31_337
    api_port: int = 0
    """0 picks a free port."""
    rpc_port: int = 0
    """0 picks a free port."""
    engine: EngineName = "auto"
    """The EVM of the embedded node."""
    rate_limit: int | None = None
    """POST requests per client and minute; None for no limit."""
    relayers: int = 4
    max_move_ticks: int = 5
    """How far the traders may move a price per block."""
    traders_pace: float = 1.0
    """Seconds between the traders' actions if `block_time` is 0."""
    live_cache: float = 1.25
    """Seconds for which live prices are cached."""
    faults: Faults | None = None
    """Faults to inject from the start."""

    def __post_init__(self) -> None:
        if self.wallets < 1:
            raise ValueError("wallets must be at least 1")
        if self.relayers < 1:
            raise ValueError("relayers must be at least 1")
        if self.max_move_ticks < 1:
            raise ValueError("max_move_ticks must be at least 1")
        if min(self.usdc6, self.block_time, self.receipt_wait, self.live_cache) < 0:
            raise ValueError("usdc6, block_time, receipt_wait and live_cache must not be negative")
        if self.traders_pace <= 0:
            raise ValueError("traders_pace must be above 0")
        if self.rate_limit is not None and self.rate_limit < 1:
            raise ValueError("rate_limit must be at least 1, or None for no limit")


def read_options(text: str) -> VenueOptions:
    """Parse options from a JSON object. Raises ValueError and TypeError."""
    fields = json.loads(text)
    faults = fields.pop("faults", None)
    return VenueOptions(**fields, faults=None if faults is None else read_faults(faults))
