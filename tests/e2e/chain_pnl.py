"""What traders earned on a market, from the chain's events alone. Shares no code with ama_tui."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from eth_utils.crypto import keccak

from tests.e2e.client import OtherClient

TRADED = "0x" + keccak(text="TradeExecutionCompleted(address,address,uint256,uint256)").hex()
BLOCKS_A_REQUEST = 1_000


@dataclass
class Earned:
    """One trader's books: amounts with 18 decimals, values with 24."""

    held: int = 0
    paid: int = 0
    """For what is held; negative for what was sold short."""
    realised: int = 0
    volume: int = 0
    trades: int = 0

    def add(self, price: int, amount: int, *, buys: bool) -> None:
        """Offset what is held at its average price, a share rounded towards zero, then hold the rest."""
        self.volume += price * amount
        self.trades += 1
        if self.held and (self.held > 0) != buys:
            size = min(amount, abs(self.held))
            share = abs(self.paid) * size // abs(self.held)
            if buys:
                self.realised += share - price * size
                self.held, self.paid = self.held + size, self.paid + share
            else:
                self.realised += price * size - share
                self.held, self.paid = self.held - size, self.paid - share
            amount -= size
        self.held += amount if buys else -amount
        self.paid += price * amount if buys else -price * amount


def earned(client: OtherClient, symbol: str, traders: Collection[str], through: int) -> dict[str, Earned]:
    """The books of these traders (lower case) after the block `through`."""
    books = {trader: Earned() for trader in traders}
    for log in sorted(_logs(client, client.book(symbol), through), key=_place):
        buyer, seller = ("0x" + topic[-40:].lower() for topic in log["topics"][1:3])
        price, amount = int(log["data"][2:66], 16), int(log["data"][66:130], 16)
        if buyer in books:
            books[buyer].add(price, amount, buys=True)
        if seller in books:
            books[seller].add(price, amount, buys=False)
    return books


def _logs(client: OtherClient, book: str, through: int) -> Iterable[dict[str, Any]]:
    for start in range(0, through + 1, BLOCKS_A_REQUEST):
        span = {"fromBlock": hex(start), "toBlock": hex(min(through, start + BLOCKS_A_REQUEST - 1))}
        (logs,) = client.rpc(("eth_getLogs", [{"address": book, "topics": [TRADED], **span}]))
        yield from logs


def _place(log: dict[str, Any]) -> tuple[int, int]:
    return int(log["blockNumber"], 16), int(log["logIndex"], 16)


def stored(checkpoint: dict[str, Any]) -> dict[str, Earned]:
    """The same as a checkpoint has it."""
    found = {}
    for trader, entry in checkpoint["wallets"].items():
        values = {key: int(value) for key, value in entry["pnl"].items()}
        books = Earned(values["position"], values["cost"], values["realised"], values["notional"], values["fills"])
        found[trader] = books
    return found
