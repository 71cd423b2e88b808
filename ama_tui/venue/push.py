"""News of a chain over WebSocket: new heads, and the logs of contracts that tell of an order's end.

A notification only says that something may have happened: the chain is then read.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ama_tui.venue import contract_abi as abi

NEWS = (abi.TRADE_EXECUTED, abi.ORDER_CANCELLED, abi.ORDER_MODIFIED)
"""Orders that come to rest are not told: web3 takes 0.2 ms for a log, and the head of their block is news enough."""
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 30.0
"""Between two attempts to connect; the pause doubles each time."""
OPEN_S = 10.0
"""The longest wait for a connection and for each subscription."""
MOST_BYTES = 2**20
"""The largest message. A head or a log needs a few kilobytes."""
_READ = ("number", "hash", "blockNumber", "topics", "removed")
"""What is read of a head or a log."""


@dataclass(frozen=True, slots=True)
class BlockHead:
    """A new block."""

    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class ContractLog:
    """A log of one of the contracts."""

    contract: str
    """Its address in lower case."""
    block: int
    addresses: frozenset[str]
    """The addresses among its topics, in lower case."""
    is_removed: bool
    """A reorg took it back."""


@dataclass(frozen=True, slots=True)
class PushHandlers:
    """What to call, on the event loop. None of them may raise."""

    connected: Callable[[], None]
    """Both subscriptions are in place. Blocks since the last connection may have been missed."""
    lost: Callable[[str], None]
    """The connection ended or could not be made, and why. Another attempt follows."""
    head: Callable[[BlockHead], None]
    log: Callable[[ContractLog], None]


@dataclass(frozen=True, slots=True)
class PushStream:
    """The subscriptions of one node. Messages show `masked` instead of the URL."""

    url: str
    masked: str

    async def listen(self, contracts: Sequence[str], handlers: PushHandlers) -> None:
        """Call the handlers until cancelled. Reconnects with growing pauses."""
        await asyncio.to_thread(importlib.import_module, "web3")  # it takes a second
        _silence()
        pause = FIRST_PAUSE_S
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await self._connection(contracts, handlers)
                problem = "the connection was closed"
            except Exception as error:  # a node may send anything, and web3 raises what it likes
                problem = _described(error)
            handlers.lost(f"{self.masked}: {problem}")
            if asyncio.get_running_loop().time() - began > LONGEST_PAUSE_S:
                pause = FIRST_PAUSE_S  # it held for a while
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(LONGEST_PAUSE_S, 2 * pause)

    async def _connection(self, contracts: Sequence[str], handlers: PushHandlers) -> None:
        """One connection, until it is lost."""
        from eth_utils.address import to_checksum_address
        from web3 import AsyncWeb3, WebSocketProvider
        from web3.utils.subscriptions import LogsSubscription, NewHeadsSubscription

        async def head(news: Any) -> None:
            found = _head(news.result)
            if found is not None:
                handlers.head(found)

        async def log(news: Any) -> None:
            found = _log(news.result)
            if found is not None:
                handlers.log(found)

        class LeanProvider(WebSocketProvider):
            """Drops what nobody reads before web3 formats it: that takes half of a head's processor time."""

            async def socket_recv(self) -> Any:
                return _lean(await super().socket_recv())

        provider = LeanProvider(
            self.url,
            max_connection_retries=1,
            request_timeout=OPEN_S,
            websocket_kwargs={
                "max_size": MOST_BYTES,
                "open_timeout": OPEN_S,
                "proxy": None,
                "ping_timeout": 20,
                "compression": None,  # with a block per transaction, inflating heads takes longer than reading them
            },
        )
        async with AsyncWeb3(provider, middleware=[]) as web3:
            subscriptions = [
                NewHeadsSubscription(handler=head),
                LogsSubscription(
                    address=[to_checksum_address(contract) for contract in contracts], topics=[list(NEWS)], handler=log
                ),
            ]
            async with asyncio.timeout(OPEN_S):
                await web3.subscription_manager.subscribe(subscriptions)
            handlers.connected()
            await web3.subscription_manager.handle_subscriptions()


def _lean(message: Any) -> Any:
    """A message of the node; a notification has only what is read of it."""
    params = message.get("params") if isinstance(message, dict) else None
    if not isinstance(params, dict) or not isinstance(result := params.get("result"), dict):
        return message
    return {**message, "params": {**params, "result": {key: result[key] for key in _READ if key in result}}}


def _head(result: Any) -> BlockHead | None:
    """A head as far as it can be read."""
    number, block_hash = result.get("number"), result.get("hash")
    if not isinstance(number, int) or not isinstance(block_hash, bytes):
        return None
    return BlockHead(number, "0x" + block_hash.hex().removeprefix("0x"))


def _log(result: Any) -> ContractLog | None:
    """A log as far as it can be read. A topic is an address if twelve zero bytes come before twenty others."""
    block, contract = result.get("blockNumber"), result.get("address")
    if not isinstance(block, int) or not isinstance(contract, str):
        return None
    topics = [bytes(topic) for topic in result.get("topics", ())]
    addresses = frozenset("0x" + topic[12:].hex() for topic in topics if len(topic) == 32 and not any(topic[:12]))
    return ContractLog(contract.lower(), block, addresses, result.get("removed") is True)


def _described(error: Exception) -> str:
    """What went wrong, without the library's text, which may repeat the URL."""
    if isinstance(error, TimeoutError):
        return f"no response within {OPEN_S:.0f} s"
    name = type(error).__name__
    return {"ProviderConnectionError": "cannot connect", "ConnectionClosedError": "the connection was lost"}.get(
        name, f"the connection failed ({name})"
    )


def _silence() -> None:
    """web3 and websockets report lost connections on stderr, below the screen, with the URL and its key."""
    for name in ("web3", "websockets"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
