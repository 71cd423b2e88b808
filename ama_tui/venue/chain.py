"""What the client reads from the chain, batched so that a cycle costs a handful of requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

from ama_tui.domain.errors import MalformedError, PreflightError, RpcError
from ama_tui.domain.market import MarketTerms
from ama_tui.domain.money import BPS_UNIT
from ama_tui.domain.order import RestingOrder
from ama_tui.domain.reading import FleetRead, OrdersRead, Receipt, SessionsRead, Settlement, Trade, WalletRead
from ama_tui.domain.session import ZERO_ADDRESS, SessionRecord
from ama_tui.venue import contract_abi as abi
from ama_tui.venue import contract_decode as decode
from ama_tui.venue import fleet_reader as fleet
from ama_tui.venue import json_scalars as wire
from ama_tui.venue import settlement_reader as settle
from ama_tui.venue.batch_reads import number_of
from ama_tui.venue.contract_reads import CallReader
from ama_tui.venue.http import HttpStats
from ama_tui.venue.multicall import Call, CallResult
from ama_tui.venue.multicall_reads import MAX_CHUNK
from ama_tui.venue.rpc import JsonRpc
from ama_tui.venue.settlement_reader import MAX_LOG_BLOCKS

T = TypeVar("T")

DEPTH_LEVELS = 25
_MARGIN_BPS_RANGE = range(1, 100 * BPS_UNIT + 1)


class ChainReader:
    """Reads one chain through one node.

    Addresses go in as 0x strings of any case and come out in lower case. Every method raises
    UnreachableError, MalformedError or RpcError when the node fails; a contract's read that fails
    is told in the result.
    """

    def __init__(self, rpc: JsonRpc, *, max_chunk: int = MAX_CHUNK) -> None:
        self._rpc = rpc
        self._calls = CallReader(rpc, max_chunk=max_chunk)

    @property
    def stats(self) -> HttpStats:
        """How many RPC requests were sent and how long the latest took."""
        return self._rpc.stats

    async def aclose(self) -> None:
        """Close the node's connections."""
        await self._rpc.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def chain_id(self) -> int:
        """The node's chain id."""
        return number_of(await self._rpc.call("eth_chainId"))

    async def block_number(self) -> int:
        """The latest block."""
        return number_of(await self._rpc.call("eth_blockNumber"))

    async def has_code(self, address: str) -> bool:
        """Whether a contract stands at an address."""
        code = await self._rpc.call("eth_getCode", (address, "latest"))
        try:
            return len(wire.data(code)) > 0
        except ValueError as error:
            raise MalformedError(f"eth_getCode was answered badly: {error}", "try another node") from None

    async def has_multicall(self) -> bool:
        """Whether reads go through a Multicall3 of this chain; else they are JSON-RPC batches."""
        return await self._calls.has_multicall()

    async def terms(self, order_book: str) -> MarketTerms:
        """A market's vault, id and margin requirement. Raises PreflightError when they make no sense.

        Where leverage is switched off, a buy is taken to reserve its whole notional at the least.
        """
        book = order_book.lower()
        read = await self._calls.first([Call(book, abi.MARKET_STATIC), Call(book, abi.GET_LEVERAGE_INFO)])
        static, leverage = read.results
        try:
            vault, market_id = decode.address(_ok(static), 0), decode.bytes32(_ok(static), 1)
            has_leverage, margin_bps = decode.boolean(_ok(leverage), 0), decode.uint(_ok(leverage), 2)
        except decode.DecodeError as error:
            raise PreflightError(
                f"{book} does not answer like an order book: {error}", "check the market and the chain id"
            ) from None
        if not has_leverage:
            margin_bps = max(margin_bps, BPS_UNIT)
        if vault == ZERO_ADDRESS or margin_bps not in _MARGIN_BPS_RANGE:
            raise PreflightError(
                f"{book} states the vault {vault} and a margin of {margin_bps} basis points",
                "choose another market",
            )
        return MarketTerms(vault=vault, market_id=market_id, margin_req_bps=margin_bps)

    async def read_fleet(
        self,
        *,
        order_book: str,
        vault: str,
        market_id: str,
        registry: str,
        wallets: Sequence[tuple[str, str | None]],
        depth_levels: int = DEPTH_LEVELS,
    ) -> FleetRead:
        """The market and every wallet (address, session id or None) in two rounds at one block.

        A wallet of which anything could not be read is unknown in the result. Raises MalformedError when
        the best prices could not be read.
        """
        contracts = fleet.Contracts(order_book.lower(), vault.lower(), market_id, registry.lower())
        fleet_wallets = [(address.lower(), session) for address, session in wallets]
        calls = fleet.market_calls(contracts, depth_levels)
        for wallet in fleet_wallets:
            calls += fleet.wallet_calls(contracts, wallet)
        first = await self._calls.first(calls)
        view, has_book = fleet.book_view(first.results[: fleet.MARKET_CALLS])
        results = iter(first.results[fleet.MARKET_CALLS :])
        held = [fleet.holdings(wallet, results) for wallet in fleet_wallets]

        order_ids = [order_id for wallet in held for order_id in wallet.order_ids]
        answers, pinned = await self._calls.at(fleet.order_calls(contracts.order_book, order_ids), first.block)
        orders = iter(answers)
        reads: dict[str, WalletRead] = {wallet.address: fleet.wallet_read(wallet, orders) for wallet in held}
        return FleetRead(first.block, first.block_time, first.pinned and pinned, view, reads, has_book)

    async def open_orders(self, order_book: str, wallets: Sequence[str]) -> OrdersRead:
        """The open orders of wallets, fresh, with nothing else read."""
        book = order_book.lower()
        addresses = [address.lower() for address in wallets]
        first = await self._calls.first(
            [Call(book, abi.GET_USER_ORDERS + abi.address_word(address)) for address in addresses]
        )
        ids = {
            address: _decoded(result, decode.order_ids)
            for address, result in zip(addresses, first.results, strict=True)
        }
        every_id = [order_id for some in ids.values() for order_id in some or ()]
        answers, pinned = await self._calls.at(fleet.order_calls(book, every_id), first.block)
        results = iter(answers)
        orders = {
            address: None if some is None else _orders(fleet.resting_orders(address, some, results))
            for address, some in ids.items()
        }
        return OrdersRead(first.block, first.pinned and pinned, orders)

    async def session_records(self, registry: str, session_ids: Sequence[str]) -> dict[str, SessionRecord | None]:
        """The registry's records by session id; None where one could not be read."""
        return dict((await self.sessions(registry, session_ids)).records)

    async def sessions(self, registry: str, session_ids: Sequence[str]) -> SessionsRead:
        """The registry's records, and the block that they are of."""
        calls = [Call(registry.lower(), abi.SESSIONS + abi.bytes32_word(session)) for session in session_ids]
        read = await self._calls.first(calls)
        records = {
            session: _decoded(result, partial(decode.session, session_id=session))
            for session, result in zip(session_ids, read.results, strict=True)
        }
        return SessionsRead(read.block, read.block_time, records)

    async def meta_nonces(self, registry: str, traders: Sequence[str]) -> dict[str, int | None]:
        """The nonce of each trader's next permit, by address in lower case; None where unreadable."""
        addresses = [trader.lower() for trader in traders]
        calls = [Call(registry.lower(), abi.META_NONCE + abi.address_word(address)) for address in addresses]
        results = (await self._calls.first(calls)).results
        return {address: _decoded(result, decode.uint) for address, result in zip(addresses, results, strict=True)}

    async def receipts(self, order_book: str, tx_hashes: Sequence[str]) -> Mapping[str, Receipt | None]:
        """Receipts by transaction hash, with the order book's events; None: not mined, or not answered."""
        return (await self.settlement(order_book, 1, 0, tx_hashes)).receipts

    async def trades(self, order_book: str, from_block: int, to_block: int) -> tuple[Trade, ...]:
        """The order book's trades from one block to another, both included, in the order they happened.

        Raises RpcError or MalformedError when the node refuses, ValueError for over 10,000 blocks.
        """
        if to_block - from_block >= MAX_LOG_BLOCKS:
            raise ValueError(f"{to_block - from_block + 1} blocks are more than {MAX_LOG_BLOCKS}")
        settled = await self.settlement(order_book, from_block, to_block, ())
        if settled.trades is None:
            raise RpcError(settled.error, "use a node that answers eth_getLogs")
        return settled.trades

    async def settlement(
        self,
        order_book: str,
        from_block: int,
        to_block: int,
        tx_hashes: Sequence[str],
        cancels_of: Sequence[str] = (),
    ) -> Settlement:
        """Trades of a range of blocks (none when it is empty) and receipts of transactions, in one batch.

        `cancels_of` are the traders whose cancelled orders of that range are wanted too. At most 10,000 blocks
        are covered; the result says how far. It costs nothing when nothing is asked.
        """
        through = min(to_block, from_block + MAX_LOG_BLOCKS - 1)
        trades = settle.log_requests(order_book, from_block, through, settle.trade_topics())
        cancels = (
            settle.log_requests(order_book, from_block, through, settle.cancel_topics(cancels_of)) if cancels_of else []
        )
        requests = [*trades, *cancels, *(settle.receipt_request(tx_hash) for tx_hash in tx_hashes)]
        answers = await self._rpc.batch(requests) if requests else []
        spans, logs = len(trades), len(trades) + len(cancels)
        return settle.settlement(
            order_book, through, answers[:spans], answers[spans:logs] if cancels_of else None, tx_hashes, answers[logs:]
        )


def _ok(result: CallResult) -> bytes:
    if not result.ok:
        raise decode.DecodeError(result.error)
    return result.data


def _decoded(result: CallResult, read: Callable[[bytes], T]) -> T | None:
    try:
        return read(_ok(result))
    except decode.DecodeError:
        return None


def _orders(read: tuple[RestingOrder, ...] | str) -> tuple[RestingOrder, ...] | None:
    return None if isinstance(read, str) else read
