"""How a venue is to be: every knob of localnet in one frozen value."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from ama_tui.localnet.faults.rules import Faults, read_faults

NodeKind = Literal["embedded", "anvil"]
EngineName = Literal["auto", "pyrevm", "py-evm"]


@dataclass(frozen=True, slots=True)
class VenueOptions:
    """What `Venue.start` builds. Seconds are floats, `usdc6` is USDC with 6 decimals.

    `wallets` of `usdc6` each follow from `seed`, as do the traders. A `block_time` of 0 makes a block of
    every transaction; the traders then act every `traders_pace` seconds, and move a price by at most
    `max_move_ticks` a block in any case. `receipt_wait` is how long a placement's receipt is awaited before
    the answer is `pending`; `fast` never waits and checks nothing beforehand; `margin_only` refuses the
    spot methods; `rate_limit` is POSTs a minute and client, None for no limit. A port of 0 is any free one.
    `engine` is the embedded node's EVM; `faults` are in force from the moment it serves. Raises ValueError for
    what makes no sense.
    """

    wallets: int = 10
    usdc6: int = 10_000_000_000
    block_time: float = 1.0
    seed: int = 1
    node: NodeKind = "embedded"
    margin_only: bool = False
    fast: bool = False
    traders: bool = True
    receipt_wait: float = 7.0
    chain_id: int = 31_337
    api_port: int = 0
    rpc_port: int = 0
    engine: EngineName = "auto"
    rate_limit: int | None = None
    relayers: int = 4
    max_move_ticks: int = 5
    traders_pace: float = 1.0
    live_cache: float = 1.25
    faults: Faults | None = None

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
    """Options from a JSON object of their fields. Raises ValueError and TypeError."""
    fields = json.loads(text)
    faults = fields.pop("faults", None)
    return VenueOptions(**fields, faults=None if faults is None else read_faults(faults))
