"""The market list: looks up markets by symbol or address and builds their API rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ama_tui.localnet.catalogue import MarketSpec
from ama_tui.localnet.wire import Body

USDC = 1_000_000


@dataclass(frozen=True, slots=True)
class Listing:
    """A deployed market."""

    spec: MarketSpec
    address: str
    """The order book's address in lower case."""
    market_id: str
    """0x hex."""

    @property
    def market_id_bytes(self) -> bytes:
        """The id as the contracts expect it."""
        return bytes.fromhex(self.market_id[2:])


class Listings:
    """All markets of a venue, in listing order."""

    def __init__(self, listings: Iterable[Listing]) -> None:
        self._listings = tuple(listings)
        self._by_address = {listing.address: listing for listing in self._listings}
        self._by_name: dict[str, Listing] = {}
        for listing in self._listings:
            for name in (listing.spec.symbol, listing.spec.identifier):
                if name is not None:
                    self._by_name.setdefault(name.upper(), listing)

    def __iter__(self) -> Iterator[Listing]:
        return iter(self._listings)

    def __len__(self) -> int:
        return len(self._listings)

    def at(self, address: str) -> Listing | None:
        """The market whose order book is at `address` (lower case)."""
        return self._by_address.get(address)

    def named(self, name: str) -> Listing | None:
        """The market with this symbol or identifier, ignoring case."""
        return self._by_name.get(name.upper())


def rows(listings: Listings, chain_id: int) -> list[Body]:
    """All rows of the API's list. The last has no contract; clients must skip it."""
    return [_row(number, listing, chain_id) for number, listing in enumerate(listings, start=1)] + [
        _undeployed_row(len(listings) + 1, chain_id)
    ]


def _row(number: int, listing: Listing, chain_id: int) -> Body:
    spec = listing.spec
    row: Body = {
        "id": number,
        "symbol": spec.symbol,
        "market_identifier": spec.identifier,
        "market_address": listing.address,
        "market_id_bytes32": listing.market_id,
        "chain_id": chain_id,
        "tick_size": spec.tick6 / USDC if spec.tick_listed else None,
        "name": f"{spec.base} perpetual",
        "description": f"{spec.base} against USDC, localnet",
        "category": "perpetual",
        "market_status": spec.status,
        "deployment_status": "DEPLOYED",
        "network": "localnet",
        "base_asset": spec.base,
        "quote_asset": "USDC",
        "decimals": 6,
        "initial_price": spec.price6 / USDC,
        "margin_req_bps": spec.margin_req_bps,
        "is_active": spec.status == "ACTIVE",
        "icon_image_url": None,
        "settlement_date": None,
    }
    if spec.name_only:
        row["name"] = row.pop("symbol")
    return row


def _undeployed_row(number: int, chain_id: int) -> Body:
    return {
        "id": number,
        "symbol": "SOON-USD",
        "market_identifier": "SOON-USD-PERP",
        "market_address": None,
        "market_id_bytes32": None,
        "chain_id": chain_id,
        "tick_size": 0.01,
        "market_status": "ACTIVE",
        "deployment_status": "PENDING",
        "is_active": True,
    }
