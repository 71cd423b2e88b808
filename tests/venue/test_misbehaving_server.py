"""Servers whose responses are endless, slow, malformed or compressed: bounded time, memory and CPU, one clear line."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import re
import time
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import pytest
from aiohttp import web

from ama_tui.domain.errors import MalformedError, UnreachableError, VenueError
from ama_tui.venue import retry
from ama_tui.venue.api import VenueApi
from ama_tui.venue.http import HttpClient
from ama_tui.venue.http_body import MAX_BODY
from ama_tui.venue.rpc import JsonRpc
from tests.venue.servers import raw_server, serving

HEAD = b"HTTP/1.1 200 OK\r\n"
LIMIT_S = 0.5
"""The client's total time limit in these tests."""


@asynccontextmanager
async def babbling(begin: bytes, more: bytes, pause: float = 0.0, *, listens: bool = True) -> AsyncIterator[str]:
    """A server that sends `begin` and then `more` for ever. With `listens` False it never reads the request."""

    talks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if listens:
                await reader.readuntil(b"\r\n\r\n")
            writer.write(begin)
            while True:
                writer.write(more)
                await writer.drain()
                await asyncio.sleep(pause)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.create_task(talk(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield "http://{}:{}".format(*server.sockets[0].getsockname())
    finally:
        server.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks)
        await server.wait_closed()


async def failure_of(url: str) -> VenueError:
    """The error of one request, which must arrive within the time limit and use little memory."""
    tracemalloc.start()
    began = time.monotonic()
    try:
        async with HttpClient(url, name="API", timeout=LIMIT_S) as http:
            with pytest.raises((MalformedError, UnreachableError)) as caught:
                await http.get("/x")
        assert time.monotonic() - began < 20 * LIMIT_S
        assert tracemalloc.get_traced_memory()[1] < 4 * MAX_BODY
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value)
    return caught.value


def packed(*, body: bytes, coding: str) -> bytes:
    """A response with that Content-Encoding."""
    return HEAD + f"content-encoding: {coding}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


def zeros(size: int) -> bytes:
    """This many zeros as gzip, without holding them in memory."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(2**20)
    return b"".join(packer.compress(block) for _ in range(size // 2**20)) + packer.flush()


CHUNKED = HEAD + b"transfer-encoding: chunked\r\n"
EMPTY_BLOCK = b"\x00\x00\x00\xff\xff"
"""An empty stored deflate block."""
ENDLESS = {
    "body": (HEAD + b"\r\n", b" " * 65_536),
    "chunks": (CHUNKED + b"\r\n", b"1000\r\n" + b" " * 4096 + b"\r\n"),
    "chunks of one byte": (CHUNKED + b"\r\n", b"1\r\n \r\n" * 10_000),
    "chunk's extension": (CHUNKED + b"\r\n1;", b"x" * 65_536),
    "chunk's size": (CHUNKED + b"\r\n", b"0" * 65_536),
    "trailers": (CHUNKED + b"\r\n0\r\n", b"x-more: " + b"y" * 4096 + b"\r\n"),
    "status line": (b"HTTP/1.1 200 ", b"x" * 65_536),
    "header": (HEAD + b"x-long: ", b"x" * 65_536),
    "headers": (HEAD, b"x-more: " + b"y" * 4096 + b"\r\n"),
    "short headers": (HEAD, b"x: y\r\n" * 10_000),
    "preliminary answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "early hints": (b"", b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" * 100),
    "compressed nothing": (HEAD + b"content-encoding: deflate\r\n\r\n\x78\x9c", EMPTY_BLOCK * 10_000),
    "compressed members of nothing": (HEAD + b"content-encoding: gzip\r\n\r\n", gzip.compress(b"") * 1_000),
    "compressed zeros": (HEAD + b"content-encoding: gzip\r\n\r\n", zeros(4 * MAX_BODY)),
}
SLOW = {
    "status line": (b"HTTP/1.1 200 O", b"K"),
    "preliminary answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "headers": (HEAD, b"x: y\r\n"),
    "body": (HEAD + b"content-length: 1000\r\n\r\n", b" "),
    "body without a length": (HEAD + b"\r\n", b" "),
    "chunks": (CHUNKED + b"\r\n", b"1\r\n \r\n"),
    "trailers": (CHUNKED + b"\r\n0\r\n", b"x: y\r\n"),
    "compressed nothing": (HEAD + b"content-encoding: deflate\r\n\r\n\x78\x9c", EMPTY_BLOCK),
}


@pytest.mark.parametrize("what", ENDLESS)
async def test_endless_response_ends_soon_and_uses_little_memory(what: str) -> None:
    async with babbling(*ENDLESS[what]) as url:
        error = await failure_of(url)
    assert re.fullmatch(r"GET /x (returned more than|failed: (no|the)) [a-zA-Z0-9. ]+", error.message)


async def test_slow_response_ends_at_the_total_time_limit() -> None:
    async def reason(what: str) -> str:
        async with babbling(*SLOW[what], pause=0.2) as url, HttpClient(url, name="API", timeout=LIMIT_S) as http:
            with pytest.raises(UnreachableError) as caught:
                await http.get("/x")
            return caught.value.message

    began = time.monotonic()
    reasons = dict(zip(SLOW, await asyncio.gather(*map(reason, SLOW)), strict=True))
    assert reasons == dict.fromkeys(SLOW, "GET /x failed: no response within 0.5 s")
    assert time.monotonic() - began < 20 * LIMIT_S


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
@pytest.mark.parametrize("begin", [b"", HEAD + b"content-length: 1000\r\n\r\n"], ids=["silent", "answers early"])
async def test_server_that_never_reads_the_request_ends_at_the_total_time_limit(begin: bytes) -> None:
    server = babbling(begin, b" " if begin else b"", pause=0.2, listens=False)
    async with server as url, HttpClient(url, name="API", timeout=LIMIT_S) as http:
        with pytest.raises(UnreachableError, match=r"POST /x failed: no response within 0\.5 s"):
            await http.post("/x", "x" * MAX_BODY)


@pytest.mark.parametrize("coding", ["gzip, gzip", "gzip,gzip,gzip", "identity, gzip, deflate", "gzip, br"])
async def test_nested_encodings_are_refused_before_decompressing(coding: str) -> None:
    bomb = gzip.compress(zeros(4 * MAX_BODY))
    assert len(bomb) < 5_000
    async with raw_server([packed(body=bomb, coding=coding)]) as (url, _):
        error = await failure_of(url)
    assert error.message == f"GET /x returned a body compressed with {coding!r}, which is not supported"


async def test_nested_encodings_in_separate_headers_are_refused() -> None:
    head = HEAD + b"content-encoding: gzip\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}"
    async with raw_server([head]) as (url, _):
        assert "'gzip, gzip', which is not supported" in str(await failure_of(url))


@pytest.mark.parametrize("coding", ["br", "zstd", "compress", "rot13", "gzip;q=1", "\x7f"])
async def test_unknown_encoding_is_refused_in_one_line(coding: str) -> None:
    async with raw_server([packed(body=b"{}", coding=coding)]) as (url, _):
        assert "API" in (message := str(await failure_of(url))) or "GET /x" in message
        assert message.isprintable()


@pytest.mark.parametrize("coding", ["", "identity", "gzip", "x-gzip", "GZIP", "identity, gzip", "deflate"])
async def test_known_encoding_is_read(coding: str) -> None:
    text = b'{"a": 1}' * 1000
    body = gzip.compress(text) if "zip" in coding.lower() else zlib.compress(text) if coding == "deflate" else text
    async with raw_server([packed(body=body, coding=coding)]) as (url, _), HttpClient(url, name="API") as http:
        assert (await http.get("/x")).body == text


async def test_several_gzip_members_are_one_body() -> None:
    body = gzip.compress(b"[1, ") + gzip.compress(b"2]")
    async with raw_server([packed(body=body, coding="gzip")]) as (url, _), HttpClient(url, name="API") as http:
        assert (await http.get("/x")).body == b"[1, 2]"


@pytest.mark.parametrize(
    "body",
    [b"not gzip", gzip.compress(b"x" * 9999)[:-9], gzip.compress(b"{}") + b"more"],
    ids=["not gzip", "cut", "followed by more"],
)
async def test_corrupt_or_truncated_compression_is_unreachable(body: bytes) -> None:
    async with raw_server([packed(body=body, coding="gzip")]) as (url, _):
        assert (await failure_of(url)).message == "GET /x failed: the response could not be decompressed"


async def test_compression_bomb_is_stopped_at_the_limit() -> None:
    body = zeros(8 * MAX_BODY)
    async with raw_server([packed(body=body, coding="gzip")]) as (url, _):
        assert (await failure_of(url)).message == "GET /x returned more than 8 MiB"


async def test_body_exactly_at_the_limit_is_read() -> None:
    body = zeros(MAX_BODY)
    async with raw_server([packed(body=body, coding="gzip")]) as (url, _), HttpClient(url, name="API") as http:
        assert len((await http.get("/x")).body) == MAX_BODY


LENGTHS = {
    "negative": b"content-length: -1\r\n\r\n{}",
    "not a number": b"content-length: two\r\n\r\n{}",
    "two of them": b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}}",
    "too long": b"content-length: 100\r\n\r\n{}",
    "huge": b"content-length: " + b"9" * 30 + b"\r\n\r\n{}",
    "next to chunks": b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}",
    "chunk's size not a number": b"transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "chunk's size negative": b"transfer-encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
    "chunk's size too long": b"transfer-encoding: chunked\r\n\r\nff\r\n{}\r\n0\r\n\r\n",
}


async def test_wrong_content_length_is_our_own_error() -> None:
    async def reason(how: str) -> str:
        async with (
            raw_server([HEAD + LENGTHS[how], None]) as (url, _),
            HttpClient(url, name="API", timeout=LIMIT_S) as http,
        ):
            with pytest.raises(UnreachableError) as caught:
                await http.get("/x")
            return caught.value.message

    for message in await asyncio.gather(*map(reason, LENGTHS)):
        assert re.fullmatch("GET /x failed: (no|the) [a-zA-Z0-9. ]+", message)


FORGED = HEAD + b'content-length: 12\r\n\r\n{"forged": 1}'


@pytest.mark.parametrize("pause", [0.0, 0.1], ids=["at once", "while idle"])
async def test_bytes_after_a_response_are_not_taken_for_the_next_one(pause: float) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                answers = (HEAD + b"content-length: 4\r\n\r\ntrue", FORGED)
                for part in answers if pause else (b"".join(answers),):
                    writer.write(part)
                    await writer.drain()
                    await asyncio.sleep(pause)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    bodies = []
    async with HttpClient("http://{}:{}".format(*server.sockets[0].getsockname()), name="API") as http:
        for _ in range(3):
            with contextlib.suppress(UnreachableError):
                bodies.append((await http.get("/x")).body)
            await asyncio.sleep(3 * pause)
    server.close()
    await server.wait_closed()
    assert set(bodies) <= {b"true"}
    assert bool(bodies) == bool(pause)


async def test_batch_ends_in_time_although_the_node_drips_bytes() -> None:
    server = babbling(HEAD + b"content-length: 1000\r\n\r\n", b" ", pause=0.05)
    async with server as url, JsonRpc(url, timeout=0.1) as rpc:
        began = time.monotonic()
        with pytest.raises(UnreachableError, match=r"RPC_URL failed: no response within 0\.1 s"):
            await rpc.batch([("eth_blockNumber", ())] * 3)
        assert time.monotonic() - began < 15


async def test_endless_paging_and_endless_halving_end_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "LONGEST_READ", 0.3)
    pages = count()

    async def answer(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.05)
        if request.method == "POST":
            return web.Response(status=413)
        row = {"symbol": "M", "market_address": f"0x{next(pages):040x}", "market_id_bytes32": "0x" + "1" * 64}
        body = {"markets": [row | {"chain_id": 1}], "pagination": {"total": 10**9}}
        return web.json_response(body)

    async with serving(answer) as url, VenueApi(url) as api, JsonRpc(url) as rpc:
        with pytest.raises(UnreachableError, match="GET /api/markets took longer than"):
            await api.markets(limit=1)
        with pytest.raises(UnreachableError, match="a batch of 500 calls to RPC_URL took longer than"):
            await rpc.batch([("eth_blockNumber", ())] * 500)
