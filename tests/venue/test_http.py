"""The HTTP client on the wire: bounded, counted, no redirects, no resending, every failure one of ours."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import tracemalloc
import zlib

import pytest
from aiohttp import web

from ama_tui.domain.errors import ConfigError, MalformedError, UnreachableError
from ama_tui.venue.http import MAX_BODY, HttpClient
from tests.venue.servers import answering, raw_server, serving

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


async def test_64_requests_are_in_flight_together() -> None:
    everyone = asyncio.Barrier(64)

    async def meet(request: web.Request) -> web.Response:
        await everyone.wait()
        return web.json_response({})

    async with serving(meet) as url, HttpClient(url, name="API", timeout=20) as http:
        answers = await asyncio.gather(*(http.get(f"/{number}") for number in range(64)))
        assert [answer.status for answer in answers] == [200] * 64
        assert http.stats.requests == 64
        assert http.stats.last_ms > 0


async def test_refused_connection_is_unreachable_with_a_hint_and_without_the_url() -> None:
    async with serving(answering((200, "{}"))[0]) as url:
        pass
    async with HttpClient(url + "/v2/s3cret", name="RPC_URL", hint="is it running?") as http:
        with pytest.raises(UnreachableError) as caught:
            await http.post("", {})
    assert str(caught.value) == "RPC_URL failed: connection refused or unknown host: is it running?"


async def test_silent_server_times_out_as_unreachable() -> None:
    async def hang(request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    async with serving(hang) as url, HttpClient(url, name="API", timeout=0.2) as http:
        with pytest.raises(UnreachableError, match=r"GET /x failed: no response within 0\.2 s"):
            await http.get("/x")


async def test_dripping_server_times_out_as_unreachable() -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(300):
            await response.write(b" ")
            await asyncio.sleep(0.1)
        return response

    async with serving(drip) as url, HttpClient(url, name="API", timeout=0.5) as http:
        with pytest.raises(UnreachableError):
            await http.get("/x")


@pytest.mark.parametrize("answer", [None, b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", b"what?\r\n\r\n"])
async def test_dropped_cut_or_senseless_answer_is_unreachable(answer: bytes | None) -> None:
    async with raw_server([answer]) as (url, _), HttpClient(url, name="API", timeout=2) as http:
        with pytest.raises(UnreachableError):
            await http.get("/x") if answer is not None else await http.post("/x", {})


async def test_post_on_a_reset_kept_alive_connection_is_not_sent_again() -> None:
    async with raw_server([OK, None, OK]) as (url, heard), HttpClient(url, name="API") as http:
        await http.post("/first", {})
        with pytest.raises(UnreachableError):
            await http.post("/second", {})
        assert [request.split(b" ")[1] for request in heard] == [b"/first", b"/second"]


async def test_body_over_the_bound_is_malformed() -> None:
    handle, _ = answering(web.Response(body=b" " * (MAX_BODY + 1)))
    async with serving(handle) as url, HttpClient(url, name="API") as http:
        with pytest.raises(MalformedError, match="more than 8 MiB"):
            await http.get("/x")


async def test_compressed_bomb_is_malformed() -> None:
    body = gzip.compress(b" " * (4 * MAX_BODY))
    handle, _ = answering(web.Response(body=body, headers={"content-encoding": "gzip"}))
    async with serving(handle) as url, HttpClient(url, name="API") as http:
        with pytest.raises(MalformedError, match="more than 8 MiB"):
            await http.get("/x")


HEAD = b"HTTP/1.1 200 OK\r\n"
ENDLESS = {
    "body": (HEAD + b"\r\n", b" " * 65_536),
    "chunks": (HEAD + b"transfer-encoding: chunked\r\n\r\n", b"1000\r\n" + b" " * 4096 + b"\r\n"),
    "chunk's extension": (HEAD + b"transfer-encoding: chunked\r\n\r\n1;", b"x" * 65_536),
    "trailers": (HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\n", b"x-more: " + b"y" * 4096 + b"\r\n"),
    "status line": (b"HTTP/1.1 200 ", b"x" * 65_536),
    "header": (HEAD + b"x-long: ", b"x" * 65_536),
    "headers": (HEAD, b"x-more: " + b"y" * 4096 + b"\r\n"),
    "preliminary answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
}


@pytest.mark.parametrize("what", ENDLESS)
async def test_endless_answer_ends_soon_and_takes_little_memory(what: str) -> None:
    begin, more = ENDLESS[what]
    sent = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(begin)
            while True:
                writer.write(more)
                await writer.drain()
                sent += len(more)

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    url = "http://127.0.0.1:{1}".format(*server.sockets[0].getsockname())
    tracemalloc.start()
    try:
        async with HttpClient(url, name="API", timeout=1.0) as http:
            with pytest.raises((MalformedError, UnreachableError)):
                await http.get("/x")
        assert tracemalloc.get_traced_memory()[1] < 4 * MAX_BODY, f"{sent} bytes were sent"
    finally:
        tracemalloc.stop()
        server.close()
        await server.wait_closed()


async def test_bomb_is_given_up_before_it_takes_memory() -> None:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(b"\0" * MAX_BODY) for _ in range(32)) + packer.flush()
    handle, _ = answering(web.Response(body=bomb, headers={"content-encoding": "gzip"}))
    async with serving(handle) as url, HttpClient(url, name="API") as http:
        tracemalloc.start()
        try:
            with pytest.raises(MalformedError, match="more than 8 MiB"):
                await http.get("/x")
            assert tracemalloc.get_traced_memory()[1] < 6 * MAX_BODY
        finally:
            tracemalloc.stop()


async def test_false_compression_is_one_of_our_errors() -> None:
    handle, _ = answering(web.Response(body=b"not gzip", headers={"content-encoding": "gzip"}))
    async with serving(handle) as url, HttpClient(url, name="API") as http:
        with pytest.raises(UnreachableError, match="could not be decompressed"):
            await http.get("/x")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_redirect_is_an_answer_and_is_not_followed(method: str, status: int) -> None:
    elsewhere, followed = answering((200, "{}"))
    async with serving(elsewhere) as other:
        for target in ("/elsewhere", f"{other}/x"):
            handle, asked = answering(web.Response(status=status, headers={"location": target}))
            async with serving(handle) as url, HttpClient(url, name="API") as http:
                answer = await (http.get("/x") if method == "GET" else http.post("/x", {"a": 1}))
                assert answer.status == status
            assert [(request.method, request.path) for request in asked] == [(method, "/x")]
    assert followed == []


async def test_credentials_in_the_url_go_as_a_header() -> None:
    handle, asked = answering((200, "{}"))
    async with serving(handle) as url:
        with_credentials = url.replace("http://", "http://user:p%40ss@")
        async with HttpClient(with_credentials, name="API") as http:
            await http.get("/x")
    expected = base64.b64encode(b"user:p@ss").decode()
    assert asked[0].headers["authorization"] == f"Basic {expected}"


async def test_base_path_and_query_of_an_rpc_url_are_kept_exactly() -> None:
    handle, asked = answering((200, "{}"))
    async with serving(handle) as url:
        for tail in ("/v2/key", "/v2/key/", "/?apikey=abc"):
            async with HttpClient(url + tail, name="RPC") as http:
                await http.post("", {})
        async with HttpClient(url + "/base/", name="API") as http:
            await http.get("/api/x", {"symbol": "A B&C"})
    assert [request.raw_path for request in asked] == [
        "/v2/key",
        "/v2/key/",
        "/?apikey=abc",
        "/base/api/x?symbol=A+B%26C",
    ]


@pytest.mark.parametrize("url", ["", "localhost:3000", "ftp://x", "http://", "http://[::bad", "http://a b"])
def test_unusable_url_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigError, match="APP_URL is not a valid URL"):
        HttpClient(url, name="APP_URL")


async def test_client_opens_again_after_it_was_closed() -> None:
    handle, _ = answering((200, "{}"))
    async with serving(handle) as url:
        http = HttpClient(url, name="API")
        await http.aclose()
        for _ in range(2):
            assert (await http.get("/x")).body == b"{}"
            await http.aclose()
