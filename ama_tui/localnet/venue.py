"""A whole venue: node, contracts, relayer and traders, started and stopped together."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from ama_tui.localnet import abi
from ama_tui.localnet.anvil import AnvilNode
from ama_tui.localnet.api import Api
from ama_tui.localnet.catalogue import CATALOGUE
from ama_tui.localnet.client_files import write_client_files
from ama_tui.localnet.deploy import deploy
from ama_tui.localnet.embedded import EmbeddedNode
from ama_tui.localnet.faults.control import FaultControl
from ama_tui.localnet.faults.injector import FaultInjector
from ama_tui.localnet.faults.rules import Faults, FaultsError
from ama_tui.localnet.keys import derive_wallet, fleet
from ama_tui.localnet.listing import Listing, Listings
from ama_tui.localnet.live_prices import LivePrices
from ama_tui.localnet.node import Node, NodeReceipt
from ama_tui.localnet.options import VenueOptions
from ama_tui.localnet.relayer import RelayerService
from ama_tui.localnet.relayer_pool import RelayerPool
from ama_tui.localnet.trade_history import TradeHistory
from ama_tui.localnet.traders import Traders

GAS_MONEY = 10**24
"""Balance in wei of every account that sends transactions: a million coins."""


class LocalVenue:
    """A running venue. Use it as `async with await LocalVenue.start(options) as venue`.

    Clients need only `app_url` and `rpc_url`, or the files that `write` creates. The rest is for tests and demos: the
    accounts, and methods that move the market from outside.
    """

    def __init__(
        self,
        options: VenueOptions,
        node: Node,
        owner: str,
        registry: str,
        vault: str,
        markets: Listings,
        pool: RelayerPool,
        faults: FaultInjector,
    ) -> None:
        self.options = options
        self.node = node
        self.registry = registry
        self.vault = vault
        self.markets = markets
        self.wallets = fleet(options.seed, options.wallets)
        self.faults = faults
        self.app_url = ""
        self._owner = owner
        self._pool = pool
        self._trade_history = TradeHistory()
        self.relayer = RelayerService(node, registry, vault, markets, pool, self._trade_history, options)
        self.traders = Traders(node, vault, owner, markets, self._trade_history, options)
        self._api = Api(
            markets,
            options.chain_id,
            self.relayer,
            LivePrices(node, vault, self._trade_history, options.live_cache),
            FaultControl(faults, self.set_faults),
            margin_only=options.margin_only,
            rate_limit=options.rate_limit,
        )
        self._rotations = 0

    @classmethod
    async def start(cls, options: VenueOptions | None = None) -> LocalVenue:
        """Start a venue. Raises NodeError and OSError, and leaves nothing running then."""
        options = options or VenueOptions()
        async with AsyncExitStack() as stack:
            faults = FaultInjector()
            node = await _start_node(options, faults)
            stack.push_async_callback(node.close)
            owner = derive_wallet(options.seed, "owner").account
            pool = RelayerPool(_relayers(options, 0))
            for account in (owner, *pool.addresses):
                await node.fund(account, GAS_MONEY)
            deployed = await deploy(node, owner, pool.addresses, CATALOGUE)
            markets = Listings(Listing(spec, *deployed.books[spec.symbol]) for spec in CATALOGUE)
            venue = cls(options, node, owner, deployed.registry, deployed.vault, markets, pool, faults)
            stack.push_async_callback(venue._close_services)
            await venue._open()
            stack.pop_all()
        return venue

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop the traders, the API and the node."""
        await self._close_services()
        await self.node.close()

    @property
    def rpc_url(self) -> str:
        """The node's JSON-RPC URL."""
        return self.node.rpc_url

    @property
    def chain_id(self) -> int:
        """The chain's id, which permits are signed for."""
        return self.options.chain_id

    def write(self, directory: Path) -> None:
        """Write `.env` and `wallets.csv` for a client into `directory`. Raises OSError."""
        settings = {
            "RPC_URL": self.rpc_url,
            "RPC_WS_URL": self.node.ws_url,
            "CHAIN_ID": str(self.chain_id),
            "SESSION_REGISTRY_ADDRESS": self.registry,
            "APP_URL": self.app_url,
        }
        write_client_files(directory, settings, self.wallets)

    def market(self, name: str) -> Listing:
        """The market with this symbol or identifier. Raises KeyError."""
        listing = self.markets.named(name)
        if listing is None:
            raise KeyError(f"no market {name!r} on this venue")
        return listing

    async def set_price(self, symbol: str, price6: int) -> None:
        """Move a market's quotes and mark to a price in one jump."""
        await self.traders.set_price(self.market(symbol).address, price6)

    async def take(self, symbol: str, is_buy: bool, amount18: int) -> NodeReceipt:
        """Send a market order from an account outside the fleet."""
        return await self.traders.take(self.market(symbol).address, is_buy, amount18)

    async def revoke(self, session_id: bytes) -> None:
        """Revoke a session as its relayer."""
        await self.relayer.revoke(session_id)

    async def credit(self, address: str, usdc6: int) -> None:
        """Give an account collateral."""
        data = abi.encode("CoreVault", "credit", [address, usdc6])
        tx_hash = await self.node.send(self._owner, self.vault, data)
        await self.node.wait_receipt(tx_hash, 60)

    async def rotate_relayers(self) -> None:
        """Replace all relayers. Sessions signed for the previous set remain but stop working."""
        self._rotations += 1
        addresses = _relayers(self.options, self._rotations)
        for account in addresses:
            await self.node.fund(account, GAS_MONEY)
        data = abi.encode("SessionRegistry", "setRelayers", [addresses, True])
        await self.node.wait_receipt(await self.node.send(self._owner, self.registry, data), 60)
        self._pool.replace(addresses)

    async def set_faults(self, faults: Faults) -> None:
        """Replace the active faults. Raises FaultsError if the node does not support them."""
        if isinstance(self.node, EmbeddedNode):
            await self.node.keep_states(faults.needs_old_states)
        elif faults.needs_own_node:
            raise FaultsError("faults on rpc, batch, block and ws need the embedded node")
        self.faults.set(faults)

    def pause_traders(self) -> None:
        """Stop the traders from changing the books."""
        self.traders.pause()

    def resume_traders(self) -> None:
        """Let the traders continue."""
        self.traders.resume()

    async def mine(self, blocks: int = 1) -> None:
        """Mine blocks now, whatever the block time."""
        for _ in range(blocks):
            await self.node.mine()

    async def _open(self) -> None:
        """Fund the wallets, fill the books, set the block time, start the API."""
        for wallet in self.wallets:
            await self.credit(wallet.account, self.options.usdc6)
        await self.traders.prepare()
        await self.node.set_block_time(self.options.block_time)
        self.app_url = await self._api.serve(self.options.api_port)
        if self.options.traders:
            self.traders.start()
        if self.options.faults is not None:
            await self.set_faults(self.options.faults)

    async def _close_services(self) -> None:
        await self.traders.close()
        await self._api.close()
        await self.relayer.close()


async def _start_node(options: VenueOptions, faults: FaultInjector) -> Node:
    """A node that mines a block per transaction, so set-up does not wait for blocks."""
    if options.node == "anvil":
        return await AnvilNode.start(chain_id=options.chain_id, block_time=0, port=options.rpc_port)
    return await EmbeddedNode.start(
        chain_id=options.chain_id, block_time=0, engine=options.engine, port=options.rpc_port, faults=faults
    )


def _relayers(options: VenueOptions, rotation: int) -> list[str]:
    return [derive_wallet(options.seed, f"relayer {rotation}/{number}").account for number in range(options.relayers)]
