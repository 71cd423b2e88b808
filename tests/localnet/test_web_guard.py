"""What a web page may try against the local venue's two servers: wrong hosts, foreign origins, other content types."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest
import pytest_asyncio

from ama_tui.localnet.api import INIT_PATH, REVOKE_PATH, TRADE_PATH
from ama_tui.localnet.faults.server import CONTROL_PATH
from ama_tui.localnet.options import VenueOptions
from ama_tui.localnet.venue import LocalVenue
from tests.localnet.few_markets import few_markets

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = "content-type: application/json"
HEAD = '{"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}'


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=["embedded", pytest.param("anvil", marks=pytest.mark.anvil)]
)
async def venue(request: pytest.FixtureRequest) -> AsyncIterator[LocalVenue]:
    options = VenueOptions(wallets=1, block_time=0, traders=False, node=request.param)
    with few_markets():
        venue = await LocalVenue.start(options)
    async with venue:
        yield venue


async def ask(url: str, request: str, *headers: str, body: str = "") -> tuple[int, dict[str, object], str]:
    """Send exactly these lines to a server; returns the status, the JSON body and the raw response head."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = [f"{request} HTTP/1.1", *headers, f"content-length: {len(body)}", "connection: close", "", body]
    writer.write("\r\n".join(line.replace("PORT", port) for line in lines).encode())
    head, _, answer = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split()[1]), orjson.loads(answer) if answer[:1] == b"{" else {}, head.decode().lower()


@pytest.mark.parametrize("host", ["127.0.0.1:PORT", "localhost:PORT", "LOCALHOST:PORT"])
async def test_loopback_host_names_with_the_port_are_served(venue: LocalVenue, host: str) -> None:
    own = f"host: {host}"
    assert (await ask(venue.app_url, "GET /api/markets", own))[0] == 200
    status, answer, _ = await ask(
        venue.rpc_url, "POST /", own, "content-type: application/json; charset=utf-8", body=HEAD
    )
    assert (status, set(answer)) == (200, {"jsonrpc", "id", "result"})


@pytest.mark.parametrize(
    "hosts",
    [
        ("host: ",),
        ("host: 127.0.0.1",),
        ("host: 127.0.0.1:1",),
        ("host: localhost",),
        ("host: rebound.example:PORT",),
        ("host: rebound.example",),
        ("host: localhost.rebound.example:PORT",),
        ("host: 127.0.0.1.rebound.example:PORT",),
        ("host: 127.0.0.2:PORT",),
        ("host: 0.0.0.0:PORT",),
        ("host: [::1]:PORT",),
        ("host: user@127.0.0.1:PORT",),
        ("host: rebound.example:PORT", "x-forwarded-host: 127.0.0.1:PORT"),
    ],
)
async def test_any_other_host_is_refused_with_a_clear_error(venue: LocalVenue, hosts: tuple[str, ...]) -> None:
    status, answer, _ = await ask(venue.app_url, "GET /api/markets", *hosts)
    assert (status, answer["error"]) == (403, "invalid_host")
    assert "the Host header must be 127.0.0.1:" in str(answer["message"])
    for request in (f"PUT {CONTROL_PATH}", f"DELETE {CONTROL_PATH}", f"POST {TRADE_PATH}"):
        assert (await ask(venue.app_url, request, *hosts, JSON, body="{}"))[0] == 403
    status, answer, _ = await ask(venue.rpc_url, "POST /", *hosts, JSON, body=HEAD)
    assert status == 403
    assert "the Host header must be 127.0.0.1:" in str(answer["error"])


async def test_host_in_the_request_line_does_not_help(venue: LocalVenue) -> None:
    line = f"GET {venue.app_url}/api/markets"
    assert (await ask(venue.app_url, line, "host: rebound.example:PORT"))[0] == 403


@pytest.mark.parametrize("hosts", [(), ("host: 127.0.0.1:PORT", "host: rebound.example:PORT")])
async def test_missing_or_duplicate_host_is_refused(venue: LocalVenue, hosts: tuple[str, ...]) -> None:
    for url in (venue.app_url, venue.rpc_url):
        assert (await ask(url, "POST /", *hosts, JSON, body=HEAD))[0] in (400, 403)


@pytest.mark.parametrize(
    "origin", ["https://page.example", "null", "http://localhost", "http://127.0.0.1:1", "https://127.0.0.1:PORT", ""]
)
async def test_foreign_origin_is_refused_and_gets_no_permission(venue: LocalVenue, origin: str) -> None:
    headers = ("host: 127.0.0.1:PORT", f"origin: {origin}", "access-control-request-method: POST")
    for url, path in ((venue.app_url, TRADE_PATH), (venue.app_url, CONTROL_PATH), (venue.rpc_url, "/")):
        for verb in ("POST", "OPTIONS", "PUT", "DELETE"):
            status, answer, head = await ask(url, f"{verb} {path}", *headers, JSON, body=HEAD)
            assert status == 403
            assert "origin" in str(answer)
            assert "access-control-allow" not in head


@pytest.mark.parametrize("origin", ["http://127.0.0.1:PORT", "http://localhost:PORT"])
async def test_own_origin_is_served(venue: LocalVenue, origin: str) -> None:
    headers = ("host: 127.0.0.1:PORT", f"origin: {origin}")
    assert (await ask(venue.rpc_url, "POST /", *headers, JSON, body=HEAD))[0] == 200


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "text/plain; application/json", "application/x-www-form-urlencoded", "multipart/form-data", None],
)
async def test_post_without_json_content_type_is_refused_and_does_nothing(
    venue: LocalVenue, content_type: str | None
) -> None:
    headers = ["host: 127.0.0.1:PORT", *([f"content-type: {content_type}"] if content_type else [])]
    for path in (INIT_PATH, REVOKE_PATH, TRADE_PATH):
        status, answer, _ = await ask(venue.app_url, f"POST {path}", *headers, body='{"orderBook": "x"}')
        assert (status, answer["error"]) == (415, "unsupported_media_type")
    status, answer, _ = await ask(venue.rpc_url, "POST /", *headers, body=HEAD)
    assert status == 415
    assert answer["error"] == {"code": -32600, "message": "the content type of a POST must be application/json"}


async def test_refused_requests_do_not_count_towards_faults(venue: LocalVenue) -> None:
    before = dict(venue.faults.requests)
    await ask(venue.rpc_url, "POST /", "host: rebound.example:PORT", JSON, body=HEAD)
    await ask(venue.app_url, "GET /api/markets", "host: rebound.example:PORT")
    assert dict(venue.faults.requests) == before
