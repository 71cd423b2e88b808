"""The fleet: the operator's own wallets, without their keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from hashlib import sha256


class Role(Enum):
    """What a wallet may do. Makers only place resting orders, takers only trade against them."""

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


def with_roles(wallets: Sequence[FleetWallet], takers: float, earlier: Mapping[str, Role]) -> tuple[FleetWallet, ...]:
    """The wallets of a run in which this share of them takes.

    The share is rounded to whole wallets; any share above 0 is at least one. Wallets that took before (`earlier`) stay
    takers, then those with the lowest SHA-256 of their address in lower case: so roles survive restarts, and a fleet
    that grows only adds takers.
    """
    count = 0 if takers <= 0 else max(1, round(takers * len(wallets)))
    ranked = sorted(
        (wallet.address for wallet in wallets),
        key=lambda address: (earlier.get(address) is not Role.TAKER, sha256(address.encode()).digest()),
    )
    chosen = frozenset(ranked[:count])
    return tuple(replace(wallet, role=Role.TAKER if wallet.address in chosen else Role.MAKER) for wallet in wallets)
