"""The fleet: the operator's own wallets, without their keys."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Role(Enum):
    """What a wallet may do. Makers only place resting orders."""

    MAKER = "MAKER"
    TAKER = "TAKER"


@dataclass(frozen=True, slots=True)
class FleetWallet:
    """One wallet of a run."""

    index: int
    """The wallet's row in the wallets file (from 0) when it was first used."""
    nickname: str
    address: str
    """Lower case."""
    role: Role = Role.MAKER
