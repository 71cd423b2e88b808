"""Reads markets, wallets, sessions and receipts from the chain in a few batched requests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType, TracebackType
from typing import Self, TypeVar

from ama_tui.domain.errors import MalformedError, PreflightError
from ama_tui.domain.market import MarketTerms
from ama_tui.domain.money import BPS_UNIT
from ama_tui.domain.order import RestingOrder
from ama_tui.domain.reading import FleetRead, OrderHistory, OrdersRead, Receipt, SessionsRead, Settlement, WalletRead
from ama_tui.domain.session import ZERO_ADDRESS, SessionRecord
from ama_tui.venue import contract_abi as abi
from ama_tui.venue import contract_decode as decode
from ama_tui.venue import fleet_reader, json_scalars, settlement_reader
from ama_tui.venue.batch_reads import chain_id_of, number_of
from ama_tui.venue.change_reader import ChangeReader
from ama_tui.venue.contract_reads import CallReader
from ama_tui.venue.http import HttpStats
from ama_tui.venue.learned_limit import LearnedLimit
from ama_tui.venue.multicall import Call, CallResult
from ama_tui.venue.multicall_reads import MAX_CHUNK
from ama_tui.venue.order_history import HistoryReader
from ama_tui.venue.rpc import JsonRpc, Request

T = TypeVar("T")

DEPTH_LEVELS = 25
"""The most levels per side that the order book returns."""

_MARGIN_BPS_RANGE = range(1, 100 * BPS_UNIT + 1)


class ChainReader:
    """Reads one chain through one node.

    Addresses are 0x strings: any case as arguments, lower case in results. Every method raises UnreachableError,
    MalformedError or RpcError if the node fails. A failed contract call is reported in the result.
    """

    def __init__(self, rpc: JsonRpc, *, max_chunk: int = MAX_CHUNK) -> None:
        self._rpc = rpc
        self._calls = CallReader(rpc, max_chunk=max_chunk)
        self.changes = ChangeReader(rpc, self._calls)
        """Reads what changed since an earlier read of the fleet."""
        self._log_span = LearnedLimit(settlement_reader.LONGEST_SPAN)

    @property
    def stats(self) -> HttpStats:
        """The number of RPC requests sent and the duration of the latest."""
        return self._rpc.stats

    async def aclose(self) -> None:
        """Close the connections to the node."""
        await self._rpc.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def chain_id(self) -> int:
        """The node's chain id."""
        return chain_id_of(await self._rpc.call("eth_chainId"))

    async def block_number(self) -> int:
        """The number of the node's latest block."""
        return number_of(await self._rpc.call("eth_blockNumber"))

    async def has_code(self, address: str) -> bool:
        """Whether there is a contract at `address`."""
        code = await self._rpc.call("eth_getCode", (address, "latest"))
        try:
            return len(json_scalars.data(code)) > 0
        except ValueError as error:
            raise MalformedError(f"the node returned invalid contract code: {error}", "try another node") from None

    async def has_multicall(self) -> bool:
        """Whether reads use the chain's Multicall3 instead of JSON-RPC batches."""
        return await self._calls.has_multicall()

    async def terms(self, order_book: str) -> MarketTerms:
        """A market's vault, id and margin requirement in basis points. Raises PreflightError if they are invalid.

        If leverage is off, the requirement is at least 10,000 basis points: a buy reserves its whole notional.
        """
        book = order_book.lower()
        read = await self._calls.run_first([Call(book, abi.MARKET_STATIC), Call(book, abi.GET_LEVERAGE_INFO)])
        static, leverage = read.results
        try:
            vault, market_id = decode.address(_ok(static), 0), decode.bytes32(_ok(static), 1)
            has_leverage, margin_bps = decode.boolean(_ok(leverage), 0), decode.uint(_ok(leverage), 2)
        except decode.DecodeError as error:
            raise PreflightError(f"{book} is not an order book: {error}", "check the market and the chain id") from None
        if not has_leverage:
            margin_bps = max(margin_bps, BPS_UNIT)
        if vault == ZERO_ADDRESS or margin_bps not in _MARGIN_BPS_RANGE:
            raise PreflightError(
                f"{book} reports an unusable vault ({vault}) or margin requirement ({margin_bps} basis points)",
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
        known: Mapping[str, Collection[int]] = MappingProxyType({}),
    ) -> FleetRead:
        """Read the market and every wallet (address, session id or None) at one block, in two rounds.

        `known` are a wallet's order ids (by address, lower case) that are read even if the node does not list them.
        `was_read` is False for a wallet if any part of its read failed. Raises MalformedError if the best prices could
        not be read.
        """
        contracts = fleet_reader.Contracts(order_book.lower(), vault.lower(), market_id, registry.lower())
        queries = [fleet_reader.WalletQuery(address.lower(), session) for address, session in wallets]
        calls = fleet_reader.market_calls(contracts, depth_levels)
        for query in queries:
            calls += fleet_reader.wallet_calls(contracts, query)
        first = await self._calls.run_first(calls)
        view, has_book = fleet_reader.book_view(first.results[: fleet_reader.MARKET_CALLS])
        results = iter(first.results[fleet_reader.MARKET_CALLS :])
        holdings = [
            fleet_reader.also_known(fleet_reader.holdings(query, results), known.get(query.address, ()))
            for query in queries
        ]

        order_ids = [order_id for wallet in holdings for order_id in wallet.order_ids]
        second = await self._calls.run_at(fleet_reader.order_calls(contracts.order_book, order_ids), first.block)
        orders = iter(second.results)
        reads: dict[str, WalletRead] = {wallet.address: fleet_reader.wallet_read(wallet, orders) for wallet in holdings}
        return FleetRead(
            first.block,
            first.block_time,
            first.pinned and second.pinned,
            view,
            reads,
            has_book,
            max(first.newest, second.newest),
        )

    async def open_orders(
        self,
        order_book: str,
        wallets: Sequence[str],
        known: Mapping[str, Collection[int]] = MappingProxyType({}),
        vault: str | None = None,
    ) -> OrdersRead:
        """Read only the open orders of `wallets`. An entry is None if they could not be read.

        `known` are order ids by wallet that are read even if the node does not list them. With a `vault` the wallets'
        available collateral is read too.
        """
        book = order_book.lower()
        addresses = [address.lower() for address in wallets]
        calls = [Call(book, abi.GET_USER_ORDERS + abi.address_word(address)) for address in addresses]
        if vault is not None:
            calls += [
                Call(vault.lower(), abi.GET_AVAILABLE_COLLATERAL + abi.address_word(address)) for address in addresses
            ]
        first = await self._calls.run_first(calls)
        listed = {
            address: _decoded(result, decode.order_ids)
            for address, result in zip(addresses, first.results[: len(addresses)], strict=True)
        }
        available6 = {
            address: _decoded(result, decode.usdc6)
            for address, result in zip(addresses, first.results[len(addresses) :], strict=False)
        }
        ids = {
            address: None if found is None else fleet_reader.with_known(found, known.get(address, ()))
            for address, found in listed.items()
        }
        all_ids = [order_id for wallet_ids in ids.values() for order_id in wallet_ids or ()]
        second = await self._calls.run_at(fleet_reader.order_calls(book, all_ids), first.block)
        results = iter(second.results)
        orders = {
            address: None
            if wallet_ids is None
            else _orders(fleet_reader.resting_orders(address, wallet_ids, len(listed[address] or ()), results))
            for address, wallet_ids in ids.items()
        }
        return OrdersRead(first.block, first.pinned and second.pinned, orders, available6)

    async def session_records(self, registry: str, session_ids: Sequence[str]) -> dict[str, SessionRecord | None]:
        """The registry's records by session id; None if a record could not be read."""
        return dict((await self.sessions(registry, session_ids)).records)

    async def sessions(self, registry: str, session_ids: Sequence[str]) -> SessionsRead:
        """The registry's records by session id, with their block. A record is None if it could not be read."""
        calls = [Call(registry.lower(), abi.SESSIONS + abi.bytes32_word(session)) for session in session_ids]
        read = await self._calls.run_first(calls)
        records = {
            session: _decoded(result, partial(decode.session, session_id=session))
            for session, result in zip(session_ids, read.results, strict=True)
        }
        return SessionsRead(read.block, read.block_time, records)

    async def meta_nonces(self, registry: str, traders: Sequence[str]) -> dict[str, int | None]:
        """The nonce of each trader's next permit by lower-case address; None if it could not be read."""
        addresses = [trader.lower() for trader in traders]
        calls = [Call(registry.lower(), abi.META_NONCE + abi.address_word(address)) for address in addresses]
        results = (await self._calls.run_first(calls)).results
        return {address: _decoded(result, decode.nonce) for address, result in zip(addresses, results, strict=True)}

    async def receipts(self, order_book: str, tx_hashes: Sequence[str]) -> Mapping[str, Receipt | None]:
        """Receipts by transaction hash, with the order book's events. None if not mined or not readable."""
        return (await self.settlement(order_book, 1, 0, tx_hashes)).receipts

    async def settlement(
        self,
        order_book: str,
        from_block: int,
        to_block: int,
        tx_hashes: Sequence[str],
        cancels_of: Sequence[str] = (),
    ) -> Settlement:
        """Read the trades from `from_block` to `to_block` (inclusive) and the receipts of `tx_hashes` in one batch.

        Also reads the cancelled and moved orders of the traders in `cancels_of`. Covers at most 10,000 blocks, fewer if
        the node accepts only short ranges; `through` in the result is the last block covered. Sends no request if there
        is nothing to read.
        """
        while True:
            settled, covered, head = await self._settlement(order_book, from_block, to_block, tx_hashes, cancels_of)
            is_refused = settled.trades is None or (bool(cancels_of) and settled.cancels is None)
            if not is_refused:
                self._log_span.accepted(covered)
                return settled
            if head is not None and head < to_block:
                to_block = max(head, from_block - 1)  # some nodes refuse a range beyond their head, whatever its size
            elif not self._log_span.refused(covered):
                return settled

    async def order_history(
        self, order_book: str, traders: Sequence[str], from_block: int, to_block: int, *, wants_trades: bool = False
    ) -> OrderHistory:
        """What became of the traders' orders according to the book's events, at most 10,000 blocks back.

        With `wants_trades` their trades are complete even if no order may have been filled.
        """
        addresses = frozenset(trader.lower() for trader in traders)
        reader = HistoryReader(self._rpc, self._log_span)
        return await reader.read(order_book.lower(), addresses, from_block, to_block, wants_trades=wants_trades)

    async def _settlement(
        self, order_book: str, from_block: int, to_block: int, tx_hashes: Sequence[str], cancels_of: Sequence[str]
    ) -> tuple[Settlement, int, int | None]:
        """One attempt with the span that the node is known to accept, how many blocks a request covers, and the head.

        Beyond their head, nodes return neither events nor an error. So the head is read with the events, before and
        after them, and nothing beyond it counts as covered. None if no events were asked for or it could not be read.
        """
        span = self._log_span.now
        through = min(to_block, from_block + span * settlement_reader.MOST_REQUESTS - 1)
        trades = settlement_reader.log_requests(order_book, from_block, through, settlement_reader.trade_topics(), span)
        ends: list[Request] = []
        if cancels_of:
            for topics in (settlement_reader.cancel_topics(cancels_of), settlement_reader.modify_topics(cancels_of)):
                ends += settlement_reader.log_requests(order_book, from_block, through, topics, span)
        heads: list[Request] = [("eth_blockNumber", ())] if trades else []
        receipts = [settlement_reader.receipt_request(tx_hash) for tx_hash in tx_hashes]
        requests = [*heads, *trades, *ends, *receipts, *heads]
        responses = await self._rpc.batch(requests) if requests else []
        head = settlement_reader.head_of([responses[0], responses[-1]]) if trades else None
        if head is not None:
            through = max(from_block - 1, min(through, head))
        responses = responses[len(heads) : len(responses) - len(heads)]
        trades_end, ends_end = len(trades), len(trades) + len(ends)
        settled = settlement_reader.settlement(
            order_book,
            through,
            responses[:trades_end],
            responses[trades_end:ends_end] if cancels_of else None,
            tx_hashes,
            responses[ends_end:],
        )
        if settled.trades is not None:  # a block may have come after the head was read: it is covered next time
            covered = tuple(trade for trade in settled.trades if from_block <= trade.block <= through)
            settled = replace(settled, trades=covered)
        if trades and head is None:
            settled = replace(
                settled, trades=None, cancels=None, modifies=None, error=settled.error or "the node's head is unknown"
            )
        return settled, min(span, max(0, through - from_block + 1)), head


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
