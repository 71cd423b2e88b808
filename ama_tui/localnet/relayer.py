"""The gasless service behind the API: checks sessions and trades and sends them through a relayer of the pool."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any

from ama_tui.localnet import abi
from ama_tui.localnet.contract_reads import ContractRead, read
from ama_tui.localnet.faults.injector import Strike
from ama_tui.localnet.listing import Listing, Listings
from ama_tui.localnet.node import CallReverted, Node, NodeError, NodeReceipt
from ama_tui.localnet.options import VenueOptions
from ama_tui.localnet.relayer_pool import Relayer, RelayerPool
from ama_tui.localnet.trade_history import TradeHistory
from ama_tui.localnet.wire import Body, InitRequest, RefusalError, TradeRequest

MINED_WAIT = 120.0
"""Seconds to wait for a transaction whose response must name its block: creating or revoking a session."""

SELL_BPS = 15_000
SPOT_BPS = 10_000

PRECHECKED = frozenset(
    {
        "price_must_be_gt_0",
        "amount_must_be_gt_0",
        "session_unknown",
        "session_bad_trader",
        "session_revoked",
        "session_expired",
        "session_orderbook_not_allowed",
        "session_method_denied",
        "session_trade_cap",
        "session_session_cap",
        "session_bad_relayer",
        "insufficient_collateral",
        "ob_no_liquidity_for_market",
    }
)
"""Reverts detected before sending, with a 400 response. Any other revert shows in the receipt only."""


@dataclass(frozen=True, slots=True)
class Session:
    """The registry's record of a session, as far as the API shows it. Hashes are 0x hex."""

    trader: str
    relayer_set_root: str
    expiry: int
    revoked: bool

    @property
    def exists(self) -> bool:
        return int(self.trader, 16) != 0


class RelayerService:
    """The gasless half of the API. Raises RefusalError for every refused request."""

    def __init__(
        self,
        node: Node,
        registry: str,
        vault: str,
        listings: Listings,
        pool: RelayerPool,
        trade_history: TradeHistory,
        options: VenueOptions,
    ) -> None:
        self._node = node
        self._registry = registry
        self._vault = vault
        self._listings = listings
        self._pool = pool
        self._trade_history = trade_history
        self._options = options
        self._watches: set[asyncio.Task[None]] = set()

    def relayer_set(self) -> Body:
        """The current relayers and the Merkle root that a permit must name."""
        return {
            "relayerAddresses": list(self._pool.addresses),
            "relayerSetRoot": "0x" + self._pool.root.hex(),
        }

    async def nonce(self, trader: str) -> int:
        """The nonce for the trader's next permit."""
        (nonce,) = await self._read_registry("metaNonce", trader)
        return int(nonce)

    async def session(self, session_id: bytes) -> Session:
        """The registry's record. The trader of an unknown session is the zero address."""
        record = await self._read_registry("sessions", session_id)
        return Session(record[0].lower(), "0x" + record[1].hex(), record[2], record[7])

    async def status(self, session_id: bytes) -> Body:
        """The response of `/api/gasless/session/status`."""
        session = await self.session(session_id)
        alive = session.exists and not session.revoked
        return {
            "exists": session.exists,
            "active": alive and session.expiry > await self._node.timestamp(),
            "trader": session.trader,
            "relayerSetRoot": session.relayer_set_root,
            "expiry": str(session.expiry),
            "revoked": session.revoked,
        }

    async def init(self, request: InitRequest) -> Body:
        """Create a session and wait until it is mined."""
        self._book(request.book)
        data = abi.encode("SessionRegistry", "createSession", [request.permit, request.signature])
        async with self._pool.turn(request.trader):
            relayer = self._pool.relayer_for(request.trader)
            try:
                session_id = await self._node.call(self._registry, data, sender=relayer.address)
            except CallReverted as reverted:
                raise RefusalError(400, reverted.reason or "session creation reverts") from None
            receipt = await self._send_and_mine(relayer, self._registry, data)
        return {
            "sessionId": "0x" + session_id.hex(),
            "txHash": receipt.tx_hash,
            "blockNumber": receipt.block_number,
        }

    async def revoke(self, session_id: bytes) -> Body:
        """Revoke a session and wait until that is mined. Safe to repeat."""
        session = await self.session(session_id)
        if not session.exists:
            raise RefusalError(400, "session_unknown")
        data = abi.encode("SessionRegistry", "revokeSession", [session_id])
        async with self._pool.turn(session.trader):
            relayer = self._pool.relayer_for(session.trader)
            receipt = await self._send_and_mine(relayer, self._registry, data)
        return {"txHash": receipt.tx_hash, "blockNumber": receipt.block_number}

    async def trade(self, request: TradeRequest, strike: Strike | None = None) -> Body:
        """Send a trade. The wire contract defines the response.

        With a `strike` the response is `pending`, but nothing was sent, or the transaction will revert.
        """
        listing = self._book(request.book)
        async with self._pool.turn(request.trader):
            relayer = self._pool.relayer_for(request.trader)
            data = _call_data(request, request.session_id, relayer)
            answers_at_once = self._options.fast or request.method.kind == "cancel"
            if not answers_at_once:
                await self._precheck(request, listing, relayer.address, data)
            if strike is not None:
                return await self._respond_falsely(request, relayer, strike)
            tx_hash = await self._broadcast(relayer, listing.address, data)
            receipt = None
            if not answers_at_once:
                receipt = await self._node.wait_receipt(tx_hash, self._options.receipt_wait)
        if receipt is None:
            self._watch(tx_hash)
            return {"txHash": tx_hash, "pending": True}
        self._trade_history.record(receipt)
        if not receipt.ok:
            raise RefusalError(500, "tx_reverted", txHash=tx_hash, blockNumber=receipt.block_number)
        return {"txHash": tx_hash, "blockNumber": receipt.block_number, "mined": True}

    async def _respond_falsely(self, request: TradeRequest, relayer: Relayer, strike: Strike) -> Body:
        """Return a hash that is never mined, or send the trade under a session that does not exist."""
        if strike.fault == "pending_forever":
            return {"txHash": "0x" + strike.rng.randbytes(32).hex(), "pending": True}
        tx_hash = await self._broadcast(relayer, request.book, _call_data(request, bytes(32), relayer))
        return {"txHash": tx_hash, "pending": True}

    async def close(self) -> None:
        """Stop waiting for transactions whose response was `pending`."""
        for task in self._watches:
            task.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)

    def _book(self, address: str) -> Listing:
        listing = self._listings.at(address)
        if listing is None:
            raise RefusalError(400, "orderbook_not_deployed")
        if listing.spec.status != "ACTIVE":
            raise RefusalError(400, "ob_settled")
        return listing

    async def _read_registry(self, function: str, argument: object) -> tuple[Any, ...]:
        return await read(self._node, ContractRead("SessionRegistry", self._registry, function, (argument,)))

    async def _precheck(self, request: TradeRequest, listing: Listing, relayer: str, data: bytes) -> None:
        """Simulate the trade on the latest block, so the contracts' own checks reject it."""
        try:
            await self._node.call(listing.address, data, sender=relayer)
        except CallReverted as reverted:
            if reverted.reason not in PRECHECKED:
                return
            more = {}
            if reverted.reason == "insufficient_collateral":
                more = await self._shortfall(request, listing)
            raise RefusalError(400, reverted.reason, **more) from None

    async def _shortfall(self, request: TradeRequest, listing: Listing) -> dict[str, str]:
        """The collateral available and required, as decimal strings of USDC with 6 decimals."""
        (available6,) = await read(
            self._node, ContractRead("CoreVault", self._vault, "getAvailableCollateral", (request.trader,))
        )
        is_buy, price6 = request.is_buy, request.price6
        if is_buy is None:
            order_id = request.order_id
            order = await read(self._node, ContractRead("OrderBook", listing.address, "getOrder", (order_id,)))
            is_buy = order[4]
        if price6 is None:
            side = "bestAsk" if is_buy else "bestBid"
            (price6,) = await read(self._node, ContractRead("OrderBook", listing.address, side))
        bps = listing.spec.margin_req_bps if is_buy else SELL_BPS
        if request.method.spot:
            bps = SPOT_BPS
        required6 = (request.amount18 or 0) * (price6 or 0) // 10**18 * bps // 10_000
        return {"available6": str(available6), "required6": str(required6)}

    async def _broadcast(self, relayer: Relayer, to: str, data: bytes) -> str:
        async with relayer.broadcasting:
            return await self._node.send(relayer.address, to, data)

    async def _send_and_mine(self, relayer: Relayer, to: str, data: bytes) -> NodeReceipt:
        tx_hash = await self._broadcast(relayer, to, data)
        receipt = await self._node.wait_receipt(tx_hash, MINED_WAIT)
        if receipt is None:
            raise RefusalError(500, "the transaction was not mined in time", txHash=tx_hash)
        if not receipt.ok:
            raise RefusalError(500, "tx_reverted", txHash=tx_hash, blockNumber=receipt.block_number)
        return receipt

    def _watch(self, tx_hash: str) -> None:
        """Record the trades of a transaction once it is mined."""
        task = asyncio.create_task(self._record_when_mined(tx_hash))
        self._watches.add(task)
        task.add_done_callback(self._watches.discard)

    async def _record_when_mined(self, tx_hash: str) -> None:
        with contextlib.suppress(NodeError):  # optional; the next request reports a broken node
            receipt = await self._node.wait_receipt(tx_hash, MINED_WAIT)
            if receipt is not None:
                self._trade_history.record(receipt)


def _call_data(request: TradeRequest, session_id: bytes, relayer: Relayer) -> bytes:
    """The order book's call for a trade under a session, with the relayer's proof of membership."""
    arguments = [session_id, list(relayer.proof), request.trader, *request.arguments]
    return abi.encode("OrderBook", request.method.name, arguments)
