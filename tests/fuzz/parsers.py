"""Every parser, with valid input to break. Whatever it is fed, it returns a value or raises one of our own errors."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import orjson

from ama_tui.config.config_file import read_config_text
from ama_tui.config.environment import load_environment
from ama_tui.config.presets import load_presets, save_preset
from ama_tui.domain.errors import AmaError
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.settings import PACKER
from ama_tui.keys.keystore import keystore_of, wallet_of_keystore
from ama_tui.keys.scrypt import ScryptCost
from ama_tui.keys.secret_key import SecretKey
from ama_tui.keys.vault import seal
from ama_tui.keys.wallet_csv import csv_of
from ama_tui.keys.wallet_key import wallet_of
from ama_tui.keys.wallet_source import WalletsSource, open_wallets
from ama_tui.localnet import rpc as localnet_rpc
from ama_tui.localnet import wire as localnet_wire
from ama_tui.localnet.wire import RefusalError
from ama_tui.store.checkpoint import WalletEntry, load_checkpoint, load_wallet, save_checkpoint, save_wallet
from ama_tui.store.journal.entry import parse_line
from ama_tui.store.journal.reader import Scan
from ama_tui.store.json_fields import ShapeError
from ama_tui.venue import api_models, logs
from ama_tui.venue.api_errors import refusal
from ama_tui.venue.chain import ChainReader
from ama_tui.venue.http import HttpResponse
from tests.fuzz.bodies import broken, broken_text
from tests.fuzz.node import GOOD_ANSWERS, BrokenRpc, any_read
from tests.store import samples
from tests.venue.fake_node import BOOK, MARKET_ID, event_log
from tests.venue.test_api import SESSION, TRADER, TX, live, page, row
from tests.venue.test_settlement_reader import PLACED, TRADED, receipt, word

Feed = Callable[[bytes], object]
DEPTH = {"bidPrices": [9.5], "bidAmounts": [1], "askPrices": [10], "askAmounts": [2]}
PASSWORD = "correct horse battery"
STATUSES = (400, 403, 404, 429, 500, 503)
PERMIT = {
    "trader": TRADER,
    "relayerSetRoot": MARKET_ID,
    "expiry": "1800000000",
    "maxNotionalPerTrade": "0",
    "maxNotionalPerSession": "0",
    "methodsBitmap": "0x" + "00" * 31 + "3f",
    "sessionSalt": "0x" + "5a" * 32,
    "allowedMarkets": [MARKET_ID],
    "nonce": "0",
}
ORDER = {"trader": TRADER, "price": "100", "amount": "5", "isBuy": True}


@dataclass(frozen=True)
class Parser:
    """`feed` takes one body; `bodies(count, seed)` are broken ones. `own` are the errors that it may raise.

    `refuses` is True if it raises what is wrong, and False if it returns it.
    """

    feed: Feed
    good: bytes
    bodies: Callable[[int, int], Iterator[bytes]]
    own: tuple[type[Exception], ...] = (AmaError,)
    refuses: bool = True


def parsers(directory: Path) -> dict[str, Parser]:
    """All parsers by name; those of files read and write below `directory`."""
    return {**_of_the_api(), **_of_the_node(), **_of_files(directory), **_of_localnet()}


def _json(feed: Feed, good: object, *own: type[Exception]) -> Parser:
    return Parser(feed, orjson.dumps(good), partial(broken, good), own or (AmaError,))


def _of_the_api() -> dict[str, Parser]:
    session = {"exists": True, "active": True, "trader": TRADER, "relayerSetRoot": MARKET_ID, "expiry": "1"}
    bodies: dict[str, tuple[Callable[[str, bytes], object], object]] = {
        "markets": (api_models.markets_page, page(row(1), row(2))),
        "live": (api_models.live_quote, live(depth=DEPTH)),
        "relayers": (api_models.relayer_set, {"relayerAddresses": [TRADER], "relayerSetRoot": MARKET_ID}),
        "nonce": (api_models.nonce, {"nonce": "1"}),
        "created": (api_models.session_created, {"sessionId": SESSION, "txHash": TX, "blockNumber": 1}),
        "status": (api_models.session_status, session),
        "trade": (api_models.trade_response, {"txHash": TX, "blockNumber": 1, "mined": True, "pending": False}),
    }
    found = {f"api {name}": _json(partial(parse, "GET /x"), good) for name, (parse, good) in bodies.items()}
    refused = {"error": "insufficient_collateral", "message": "no", "available6": "1", "required6": "2", "txHash": TX}
    return found | {"api refusal": _json(_refusal, refused)}


def _refusal(body: bytes) -> None:
    """Any refusal becomes one of our own errors, and never accidentally proves that nothing was sent."""
    for status in STATUSES:
        error = refusal("POST /x", HttpResponse(status, body, "soon"))
        assert not (status >= 500 and error.proves_not_sent)
        assert not (error.tx_hash and error.proves_not_sent)
        raise_last = error
    raise raise_last


def _of_the_node() -> dict[str, Parser]:
    reads = itertools.count()
    statuses = random.Random(1)

    def read(body: bytes) -> object:
        answers = iter(partial(statuses.choice, (200, 200, 200, 400, 404)), 0)
        chain = ChainReader(BrokenRpc(itertools.repeat(body), answers))
        return asyncio.run(any_read(chain, next(reads)))

    events = [
        event_log(PLACED, [word(1), word(TRADER)], [100, 5, True, False]),
        event_log(TRADED, [word(TRADER), word(TRADER)], [100, 5]),
    ]
    found = {f"node {number}": _json(read, good) for number, good in enumerate(GOOD_ANSWERS)}
    return found | {
        "receipt": _json(lambda body: logs.receipt(orjson.loads(body), BOOK), receipt(*events), ValueError),
        "trades": _json(lambda body: logs.trades(orjson.loads(body), BOOK), events, ValueError),
    }


def _of_files(directory: Path) -> dict[str, Parser]:
    """Parsers of whole files: the body is written to the file that they read."""
    directory.mkdir(exist_ok=True)
    entry = WalletEntry(samples.ALICE, "alice", session_id=SESSION, session_expiry=1_800_000_000)
    save_checkpoint(directory / "checkpoint", samples.checkpoint(entry))
    save_wallet(directory / "wallet", entry)
    preset = save_preset(directory / "presets", "mine", Parameters())
    lines = b"".join(samples.line(params={"level": number}).as_line() for number in range(1, 5))

    def file(name: str, read: Callable[[Path], object], good: bytes) -> Parser:
        path = directory / name

        def feed(body: bytes) -> object:
            path.write_bytes(body)
            path.chmod(0o600)
            return read(path)

        return Parser(feed, good, partial(broken_text, good))

    def checkpoint(path: Path) -> object:
        return load_checkpoint(path, chain_id=samples.CHAIN_ID, order_book=samples.BOOK)

    def sealed(path: Path) -> object:
        return open_wallets(WalletsSource(path, ask_password=lambda: PASSWORD), 10)

    maker = wallet_of(0, "maker", SecretKey(bytes(range(1, 33))))
    return {
        "journal line": _json(parse_line, orjson.loads(lines.splitlines()[0]), ShapeError),
        "journal": file("actions.jsonl", _journal, lines),
        "checkpoint": file("checkpoint.json", checkpoint, (directory / "checkpoint").read_bytes()),
        "wallet": file(
            "wallet.json", lambda path: load_wallet(path, samples.ALICE), (directory / "wallet").read_bytes()
        ),
        "wallets file": file(
            "wallets.csv", lambda path: open_wallets(WalletsSource(path), 10), Path("wallets.example.csv").read_bytes()
        ),
        "vault": file("wallets.vault", sealed, seal(csv_of([maker]), PASSWORD, ScryptCost(n=2))),
        "keystore": _json(
            partial(wallet_of_keystore, password=PASSWORD, path=Path("key.json")),
            orjson.loads(keystore_of(maker, PASSWORD, n=2)),
        ),
        "environment": file(".env", lambda path: load_environment(path.parent, {}), Path(".env.example").read_bytes()),
        "config file": file(
            "config.toml",
            lambda path: read_config_text(path).settings(PACKER),
            b'market = "ETH-USD"\n[parameters]\nsizeMin = 0.05\n',
        ),
        "preset": replace(
            file(f"presets/{preset.name}", lambda path: load_presets(path.parent), preset.read_bytes()), refuses=False
        ),
    }


def _journal(path: Path) -> None:
    """Read a journal as at a start: damage that no crash explains is refused."""
    Scan(path).finish().raise_fault()


def _of_localnet() -> dict[str, Parser]:
    trade = {"orderBook": BOOK, "method": "sessionPlaceMarginLimit", "sessionId": SESSION, "params": ORDER}
    init = {"orderBook": BOOK, "permit": PERMIT, "signature": "0x" + "11" * 65}
    call = {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [{"to": BOOK, "data": "0x"}, "latest"]}
    return {
        "localnet trade": _json(_trade, trade, RefusalError),
        "localnet permit": _json(
            lambda body: localnet_wire.parse_init(localnet_wire.parse_object(body)), init, RefusalError
        ),
        "localnet node": replace(_json(partial(localnet_rpc.respond, {}), call), refuses=False),
    }


def _trade(body: bytes) -> object:
    return localnet_wire.parse_trade(localnet_wire.parse_object(body), margin_only=True)
