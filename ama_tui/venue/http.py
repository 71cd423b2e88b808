"""HTTP client for the venue's API and the node.

Limits response sizes, counts requests, follows no redirects and raises only our own errors. It is aiohttp because a
request costs it a third of the processor time that it costs httpx, and an order is a request.
"""

from __future__ import annotations

import asyncio
import base64
import email.utils
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from types import TracebackType
from typing import Self
from urllib.parse import unquote, unquote_to_bytes, urlencode, urlsplit

import aiohttp
import httpx
import orjson
from yarl import URL

from ama_tui.domain.errors import ConfigError, UnreachableError
from ama_tui.venue.http_body import UndecodableError, read_body
from ama_tui.venue.sanitize import hide

CONNECT_TIMEOUT = 5.0
"""Seconds."""

KEEP_ALIVE = 3.0
"""Seconds until an idle connection is closed. Venues reset connections that are idle for a few seconds longer."""

MAX_CONNECTIONS = 1024
SHORTEST_SECRET = 8
SHORTEST_PASSWORD = 4
"""Shorter parts of a URL are not hidden in messages."""

_FAILURES = (
    TimeoutError,
    UndecodableError,
    aiohttp.ClientError,
    OSError,
    ValueError,
)


@dataclass(slots=True)
class HttpStats:
    """Counters of a client."""

    requests: int = 0
    """Requests sent so far, including retries."""
    last_ms: float = 0.0
    """The duration of the latest request in milliseconds."""
    fastest_ms: float = 0.0
    """The shortest request so far; 0 before the first response."""
    rate_limited: int = 0
    """Responses so far that reported a rate limit."""
    closed_until: float = 0.0
    """Until when the host is not asked because of a rate limit (monotonic clock)."""
    asked_s: float = 0.0
    """How many seconds it last asked us to wait, or we chose to."""
    server_date: str | None = None
    """The raw `Date` header of the latest response; None if it had none."""

    @property
    def server_time(self) -> float | None:
        """That header as Unix seconds; None if it is missing or invalid."""
        try:
            moment = email.utils.parsedate_to_datetime(self.server_date or "")
            return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            return None


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A complete HTTP response, of any status."""

    status: int
    body: bytes
    retry_after: str | None = None
    """The raw header; None if there was none."""

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300


class HttpClient:
    """A client for one base URL. It never retries.

    Messages show `name` instead of the URL because the URL may contain a secret. `hint` says what to do if the server
    cannot be reached. Credentials in the URL are sent as a Basic header. Connections open on first use. Use it in one
    event loop only.
    """

    def __init__(self, base_url: str, *, name: str, hint: str = "", timeout: float = 15.0) -> None:
        self.name = name
        self.stats = HttpStats()
        self._hint = hint
        self._timeout = timeout
        self._url, self._headers = _split_credentials(base_url, name)
        self._client: aiohttp.ClientSession | None = None

    async def get(
        self, path: str = "", params: Mapping[str, str] | None = None, *, timeout: float | None = None
    ) -> HttpResponse:
        """GET the base URL plus `path`. Raises UnreachableError, or TooLargeError if the body exceeds 8 MiB."""
        return await self._request("GET", path, params=params, timeout=timeout)

    async def post(self, path: str, payload: object, *, timeout: float | None = None) -> HttpResponse:
        """POST `payload` as JSON, once. Raises UnreachableError, or TooLargeError if the body exceeds 8 MiB."""
        return await self._request("POST", path, content=orjson.dumps(payload), timeout=timeout)

    async def aclose(self) -> None:
        """Close all connections. A later request opens new connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()
            await asyncio.sleep(0)  # let the transports of the closed sockets finish

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
        timeout: float | None,
    ) -> HttpResponse:
        if self._client is None:
            self._client = _open_client(self._url)
        seconds = self._timeout if timeout is None else timeout
        where = f"{method} {path}" if path else self.name
        url = self._url.rstrip("/") + path if path else self._url
        if params:
            url += f"?{urlencode(params)}"
        self.stats.requests += 1
        began = time.perf_counter()
        try:
            async with (
                asyncio.timeout(seconds),
                self._client.request(
                    method, URL(url, encoded=True), headers=self._headers, data=content, allow_redirects=False
                ) as response,
            ):
                self.stats.server_date = response.headers.get("date")
                body = await read_body(response, where)
        except _FAILURES as error:
            raise UnreachableError(f"{where} failed: {_reason(error, seconds)}", self._hint) from None
        finally:
            self.stats.last_ms = (time.perf_counter() - began) * 1000
        self.stats.fastest_ms = min(self.stats.fastest_ms or self.stats.last_ms, self.stats.last_ms)
        return HttpResponse(response.status, body, response.headers.get("retry-after"))


def _reason(error: Exception, seconds: float) -> str:
    """The reason of a failure, without the host or URL that these exceptions have in their texts."""
    if isinstance(error, UndecodableError):
        return "the response could not be decompressed"
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        return "the TLS certificate was rejected"
    if isinstance(error, TimeoutError):
        return f"no response within {seconds:g} s"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "connection refused or unknown host"
    if isinstance(error, aiohttp.ClientConnectionError | OSError):
        return "the connection was dropped"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the response was incomplete"
    return "the response was not HTTP"


def _split_credentials(base_url: str, name: str) -> tuple[str, dict[str, str]]:
    headers = {"content-type": "application/json", "accept": "application/json", "accept-encoding": "gzip"}
    try:
        url = httpx.URL(base_url.strip())
        if url.scheme not in ("http", "https") or not url.host or "%" in url.host:
            raise ValueError
        if url.userinfo:
            user, _, password = url.userinfo.partition(b":")
            token = base64.b64encode(unquote_to_bytes(user) + b":" + unquote_to_bytes(password))
            headers["authorization"] = f"Basic {token.decode('ascii')}"
            hide(token.decode("ascii"))
            url = url.copy_with(userinfo=b"")
    except (httpx.InvalidURL, ValueError, TypeError):
        raise ConfigError(f"{name} is not a valid URL", "use a URL that starts with http:// or https://") from None
    for secret in _secrets_of(base_url):
        hide(secret)
    return str(url), headers


def _secrets_of(url: str) -> Iterator[str]:
    """The parts of a URL that may be secrets, both percent-encoded and decoded."""
    parts = urlsplit(url.strip())
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    values = [pair.partition("=")[2] or pair for pair in f"{parts.query}&{parts.fragment}".split("&")]
    segments = [segment for segment in parts.path.split("/") if len(segment) >= 16 or any(map(str.isdigit, segment))]
    for part in (user, password, *values, *segments):
        shortest = SHORTEST_PASSWORD if part == password else SHORTEST_SECRET
        yield from (form for form in {part, unquote(part)} if len(form) >= shortest)


def _tls_context() -> ssl.SSLContext:
    """A context that verifies certificates and host names. SSL_CERT_FILE and SSL_CERT_DIR can add trusted certificates.

    Raises ConfigError if their files cannot be read.
    """
    try:
        return httpx.create_ssl_context()
    except OSError:
        raise ConfigError(
            "cannot read the certificates in SSL_CERT_FILE or SSL_CERT_DIR", "correct or unset these variables"
        ) from None


def _open_client(url: str) -> aiohttp.ClientSession:
    # Loading the certificate store takes 30 ms. Without TLS an empty context is enough.
    is_tls = url.startswith("https:")
    tls = _tls_context() if is_tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS, keepalive_timeout=KEEP_ALIVE, ssl=tls),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(sock_connect=CONNECT_TIMEOUT),
        auto_decompress=False,
    )
