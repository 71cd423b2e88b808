"""The fleet: the operator's own wallets, without their keys."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Role(Enum):
    """What a wallet may do: makers place resting orders only."""

    MAKER = "MAKER"
    TAKER = "TAKER"


@dataclass(frozen=True, slots=True)
class FleetWallet:
    """One wallet of a run. `address` is in lower case; `index` is its row (from 0) at first use."""

    index: int
    nickname: str
    address: str
    role: Role = Role.MAKER
