"""Thousands of broken bodies through every parser: a value or one of our errors, never anything else."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import orjson
import pytest

from ama_tui.domain.errors import AmaError, MalformedError, RefusedError, VenueError
from ama_tui.venue import api_models, logs
from ama_tui.venue.chain import ChainReader
from ama_tui.venue.http import HttpAnswer
from ama_tui.venue.refusals import refusal
from ama_tui.venue.rpc import JsonRpc
from tests.venue.fake_node import BOOK, MARKET_ID, REGISTRY, VAULT, event_log
from tests.venue.test_api import SESSION, TRADER, TX, live, page, row
from tests.venue.test_settle import PLACED, TRADED, receipt, word

ROUNDS = 700
JUNK: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    1e308,
    2**53 + 1,
    2**64 - 1,
    "",
    "0x",
    "0x" + "f" * 64,
    "0x" + "g" * 40,
    "-1",
    "1e9",
    "NaN",
    "Infinity",
    "9" * 400,
    "\x1b[2J\n",
    "[/bold]",
    "\u202e",
    [],
    {},
    [None],
    {"error": {"message": []}},
    "x" * 5_000,
)
RAW = (b"", b"\0", b"<html>\n", b"\xff\xfe", b"nul", b"[" * 2_000, b'{"a":' * 500, b'"\\ud800"', b"NaN", b"1" * 400)

DEPTH = {"bidPrices": [9.5], "bidAmounts": [1], "askPrices": [10], "askAmounts": [2]}
API: dict[str, tuple[Callable[[str, bytes], object], object]] = {
    "markets": (api_models.markets_page, page(row(1), row(2))),
    "live": (api_models.live_quote, live(depth=DEPTH)),
    "relayers": (api_models.relayer_set, {"relayerAddresses": [TRADER], "relayerSetRoot": MARKET_ID}),
    "nonce": (api_models.nonce, {"nonce": "1"}),
    "created": (api_models.session_created, {"sessionId": SESSION, "txHash": TX, "blockNumber": 1}),
    "status": (
        api_models.session_status,
        {"exists": True, "active": True, "trader": TRADER, "relayerSetRoot": MARKET_ID, "expiry": "1"},
    ),
    "trade": (api_models.trade_answer, {"txHash": TX, "blockNumber": 1, "mined": True, "pending": False}),
}


def broken(good: object, count: int, seed: int) -> Iterator[bytes]:
    """Bodies that are almost `good`: a value replaced, a key lost, bytes cut, flipped or put in."""
    chance = random.Random(seed)
    yield from RAW
    for _ in range(count):
        body = orjson.loads(orjson.dumps(good))
        how = chance.randrange(5)
        if how <= 2:
            for _ in range(chance.randint(1, 3)):
                body = _replaced(body, chance)
            yield orjson.dumps(body)
            continue
        raw = bytearray(orjson.dumps(body))
        if how == 3:
            del raw[chance.randrange(len(raw) + 1) :]
        else:
            for _ in range(chance.randint(1, 4)):
                raw[chance.randrange(len(raw))] = chance.randrange(256)
        yield bytes(raw)


def _replaced(value: Any, chance: random.Random) -> Any:
    if not value or not isinstance(value, dict | list) or chance.random() < 0.15:
        return chance.choice(JUNK)
    key = chance.choice(list(value) if isinstance(value, dict) else range(len(value)))
    if chance.random() < 0.15:
        del value[key]
    else:
        value[key] = _replaced(value[key], chance)
    return value


@pytest.mark.parametrize("name", API)
def test_broken_api_answer_is_a_value_or_malformed(name: str) -> None:
    parse, good = API[name]
    parse("GET /x", orjson.dumps(good))
    refused = 0
    for body in broken(good, ROUNDS, seed=1):
        try:
            parse("GET /x", body)
        except MalformedError as error:
            refused += 1
            _check_line(error)
    assert refused > len(RAW)


def test_broken_error_answer_is_a_refusal_and_never_proof_by_accident() -> None:
    good = {"error": "insufficient_collateral", "message": "no", "available6": "1", "required6": "2", "txHash": TX}
    for status in (400, 429, 500, 503):
        for body in broken(good, ROUNDS // 2, seed=status):
            error = refusal("POST /x", HttpAnswer(status, body, "soon"))
            _check_line(error)
            assert isinstance(error, RefusedError)
            assert not (status >= 500 and error.proves_not_sent)
            assert not (error.tx_hash and error.proves_not_sent)


def test_broken_receipts_and_logs_are_values_or_value_errors() -> None:
    events = [
        event_log(PLACED, [word(1), word(TRADER)], [100, 5, True, False]),
        event_log(TRADED, [word(TRADER), word(TRADER)], [100, 5]),
    ]
    refused = 0
    for body in broken(receipt(*events), ROUNDS, seed=2):
        try:
            answer = orjson.loads(body)
        except ValueError:
            continue
        for parse in (logs.receipt, logs.trades):
            try:
                parse(answer, BOOK)
            except ValueError:
                refused += 1
    assert refused > ROUNDS / 4


class BrokenRpc(JsonRpc):
    """A node that gives broken bodies: what it says goes through the real parsing, without a socket."""

    def __init__(self, bodies: Iterator[bytes], statuses: Iterator[int]) -> None:
        super().__init__("http://node")
        self._bodies = bodies
        self._statuses = statuses
        self._http.post = self._post  # type: ignore[method-assign]  # no socket

    async def _post(self, path: str, payload: Any, *, timeout: float | None = None) -> HttpAnswer:
        calls = payload if isinstance(payload, list) else [payload]
        body = next(self._bodies).replace(b'"@"', str(calls[0]["id"]).encode())
        return HttpAnswer(next(self._statuses), body)


GOOD_RPC: tuple[object, ...] = (
    {"jsonrpc": "2.0", "id": "@", "result": "0x" + "00" * 31 + "20" + "00" * 31 + "01" + "00" * 64},
    [{"jsonrpc": "2.0", "id": "@", "result": "0x01"}, {"id": 2, "result": "0x3e8"}, {"id": 3, "result": "0x"}],
    {"jsonrpc": "2.0", "id": "@", "error": {"code": 3, "message": "reverted", "data": "0x08c379a0"}},
)


async def test_broken_node_answers_are_values_or_our_errors() -> None:
    failed = 0
    for seed in range(250):
        for good in GOOD_RPC:
            bodies = broken(good, 60, seed)
            chance = random.Random(seed)
            for _ in range(chance.randrange(len(RAW) + 20)):
                next(bodies)
            statuses = iter(partial(chance.choice, (200, 200, 200, 400, 404)), 0)
            chain = ChainReader(BrokenRpc(bodies, statuses))
            try:
                await _any_read(chain, seed)
            except VenueError as error:
                failed += 1
                _check_line(error)
    assert failed > 250


async def _any_read(chain: ChainReader, seed: int) -> object:
    wallets = [(TRADER, SESSION)]
    fleet = {"order_book": BOOK, "vault": VAULT, "market_id": MARKET_ID, "registry": REGISTRY, "wallets": wallets}
    reads: tuple[Callable[[], Any], ...] = (
        lambda: chain.read_fleet(**fleet),  # type: ignore[arg-type]  # each has its own type
        lambda: chain.terms(BOOK),
        lambda: chain.chain_id(),
        lambda: chain.settlement(BOOK, 1, 2, [TX]),
        lambda: chain.open_orders(BOOK, [TRADER]),
        lambda: chain.meta_nonces(REGISTRY, [TRADER]),
        lambda: chain.has_code(BOOK),
    )
    return await reads[seed % len(reads)]()


def _check_line(error: AmaError) -> None:
    text = str(error)
    assert text.isprintable(), text
    assert len(text) < 600
