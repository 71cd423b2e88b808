"""Cancel-alls of a packed fleet against a node that lies: none may report proof while an order rests."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from ama_tui.domain.errors import AmaError
from ama_tui.engine.cancel.command import CancelAllRequest, cancel_all
from ama_tui.engine.connect import VenueSource
from ama_tui.engine.publisher import Publisher
from ama_tui.keys.wallet_source import WalletsSource
from ama_tui.localnet.faults.rules import Faults
from ama_tui.venue import contract_abi as abi
from tests.engine.rig import Rig, rig_of, ticking
from tests.hostile import lies as told
from tests.hostile.proxy import Lies

WITHIN_S = 6.0


def no_half(_: list[Any], said: Any) -> Any:
    """Logs with every second event left out."""
    return said[::2]


KILL_LIES: Mapping[str, Callable[[], Lies]] = {
    "the truth": Lies,
    "lists cut": told.call(abi.GET_USER_ORDERS, told.first_ids(2)),
    "every second id": told.call(abi.GET_USER_ORDERS, told.every_second_id),
    "no ids": told.call(abi.GET_USER_ORDERS, told.first_ids(0)),
    "other ids": told.call(abi.GET_USER_ORDERS, told.other_ids),
    "orders empty": told.call(abi.GET_ORDER, told.no_order),
    "all hidden": told.hidden(told.first_ids(0)),
    "some hidden": told.hidden(told.first_ids(2)),
    "half hidden": told.hidden(told.every_second_id),
    "all hidden, no logs": lambda: Lies(
        calls=told.hidden(told.first_ids(0))().calls, rpc={"eth_getLogs": lambda _, said: []}
    ),
    "half hidden, half of the logs": lambda: Lies(
        calls=told.hidden(told.every_second_id)().calls, rpc={"eth_getLogs": no_half}
    ),
    "cached lists": lambda: Lies(calls={abi.GET_USER_ORDERS: told.Cache()}),
    "cached orders": lambda: Lies(calls={abi.GET_USER_ORDERS: told.Cache(), abi.GET_ORDER: told.Cache()}),
    "no receipts": told.method("eth_getTransactionReceipt", lambda _, said: None),
    "no logs": told.method("eth_getLogs", lambda _, said: []),
    "replicas": Lies,
    "collateral stands still": lambda: Lies(calls={abi.GET_AVAILABLE_COLLATERAL: told.Cache()}),
}


NEEDS_THE_JOURNAL = ("all hidden, no logs", "half hidden, half of the logs")
"""Lies that only the journal contradicts."""


@dataclass(frozen=True, slots=True)
class Kill:
    """One cancel-all of the plan."""

    name: str
    """Of its lie."""
    relayer_works: bool = True
    """Without a relayer no cancel gets through, so every order stays on the book."""
    is_forgotten: bool = False
    """The state directory is empty: nothing but the chain knows the orders."""

    @property
    def text(self) -> str:
        return f"{self.name}{', empty state directory' if self.is_forgotten else ''}"


@dataclass(frozen=True, slots=True)
class KillResult:
    """What a cancel-all reported, and how many orders were still on chain."""

    is_proven: bool
    open_orders: int
    text: str

    @property
    def is_false(self) -> bool:
        return self.is_proven and self.open_orders > 0


async def kill_under(kill: Kill, directory: Path) -> KillResult:
    """Pack a fleet, stop, and cancel all of it while the node lies."""
    lies = KILL_LIES[kill.name]()
    async with rig_of(directory) as rig, ticking(rig.venue):
        engine = await rig.packed(orders_per_side=4)
        await engine.stop()
        await engine.close()
        if kill.is_forgotten:
            shutil.rmtree(directory / "state")
        if kill.name == "replicas":
            await rig.venue.set_faults(Faults((told.REPLICAS,)))
        async with lies.between(rig.venue.app_url) as api, lies.between(rig.venue.rpc_url) as rpc:
            urls = {"RPC_URL": rpc, "APP_URL": api if kill.relayer_works else "http://127.0.0.1:9"}
            report = await _cancel_all(rig, urls)
        return KillResult(report[0], len(await rig.orders()), report[1])


async def _cancel_all(rig: Rig, urls: Mapping[str, str]) -> tuple[bool, str]:
    source = VenueSource(rig.directory, {**rig.environ, **urls}, WalletsSource(rig.directory / "wallets.csv"))
    book = rig.venue.market(rig.symbol).address
    request = CancelAllRequest(source=source, state_root=rig.directory / "state", market=book, within_s=WITHIN_S)
    try:
        _, report = await cancel_all(request, publisher=Publisher(), on_progress=lambda _: None, stop=asyncio.Event())
    except AmaError as error:
        return False, str(error)
    return report.is_proven, report.text


def plan(count: int, seed: int) -> list[Kill]:
    """This many kills under the lies in turn, with and without a relayer and a journal."""
    dice = Random(seed)
    names = list(KILL_LIES)
    kills = []
    for index in range(count):
        name, relayer_works, is_forgotten = names[index % len(names)], dice.random() < 0.5, dice.random() < 0.3
        kills.append(Kill(name, relayer_works, is_forgotten and name not in NEEDS_THE_JOURNAL))
    return kills
