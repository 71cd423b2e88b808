"""HTTP for the venue's API and the node: bounded, counted, without redirects, every failure one of ours.

The transport is aiohttp's: httpx's own pool slows down badly beyond 16 requests in flight.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import unquote, unquote_to_bytes, urlsplit

import aiohttp
import httpx
import orjson
from httpx_aiohttp import AiohttpTransport

from ama_tui.domain.errors import ConfigError, MalformedError, UnreachableError
from ama_tui.venue.sanitize import hide

MAX_BODY = 8 * 1024 * 1024
CONNECT_TIMEOUT = 5.0
KEEP_ALIVE = 3.0
"""Seconds that an idle connection is kept: venues were seen to reset those idle for some seconds longer."""

MAX_CONNECTIONS = 256
SHORTEST_SECRET = 8
SHORTEST_PASSWORD = 4
"""Characters of a part of a URL that is worth hiding where a server repeats it."""


@dataclass(slots=True)
class HttpStats:
    """Requests sent so far (retries included) and how long the latest answer took, in milliseconds.

    `server_date` is the `Date` header of the latest answer, as it came; None where it had none.
    """

    requests: int = 0
    last_ms: float = 0.0
    server_date: str | None = None


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A whole HTTP answer, of whatever status. `retry_after` is the raw header."""

    status: int
    body: bytes
    retry_after: str | None = None

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300


class HttpClient:
    """One base URL. `name` stands for it in messages, so that a URL with a secret in it is never shown.

    `hint` is what an operator should do when it cannot be reached. Nothing is retried here. Credentials in
    the URL are sent as a Basic header. It opens its connections on first use and belongs to one event loop.
    """

    def __init__(self, base_url: str, *, name: str, hint: str = "", timeout: float = 15.0) -> None:
        self.name = name
        self.stats = HttpStats()
        self._hint = hint
        self._timeout = timeout
        self._url, self._headers = _split_credentials(base_url, name)
        self._client: httpx.AsyncClient | None = None

    async def get(
        self, path: str = "", params: Mapping[str, str] | None = None, *, timeout: float | None = None
    ) -> HttpResponse:
        """GET the base URL plus `path`. Raises UnreachableError, MalformedError (a body over 8 MiB)."""
        return await self._request("GET", path, params=params, timeout=timeout)

    async def post(self, path: str, payload: object, *, timeout: float | None = None) -> HttpResponse:
        """POST `payload` as JSON, once. Raises UnreachableError, MalformedError (a body over 8 MiB)."""
        return await self._request("POST", path, content=orjson.dumps(payload), timeout=timeout)

    async def aclose(self) -> None:
        """Close every connection; a later request opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()
            await asyncio.sleep(0)  # lets the closed sockets' transports finish on the loop

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
            self._client = _open_client(self._url, self._headers)
        seconds = self._timeout if timeout is None else timeout
        where = f"{method} {path}" if path else self.name
        url = self._url.rstrip("/") + path if path else self._url
        self.stats.requests += 1
        began = time.perf_counter()
        try:
            async with (
                asyncio.timeout(seconds),
                self._client.stream(method, url, params=params, content=content) as response,
            ):
                self.stats.server_date = response.headers.get("date")
                body = await _read_bounded(response, where)
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError, ValueError) as error:
            raise UnreachableError(f"{where} failed ({_reason(error, seconds)})", self._hint) from None
        finally:
            self.stats.last_ms = (time.perf_counter() - began) * 1000
        return HttpResponse(response.status_code, body, response.headers.get("retry-after"))


def _reason(error: Exception, seconds: float) -> str:
    """What went wrong, without the host or URL that these exceptions carry in their text.

    The transport gives httpx names to aiohttp's exceptions, and not always the fitting one: the cause tells.
    """
    if isinstance(error, httpx.DecodingError):
        return "undecodable body"
    cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
    if isinstance(cause, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        return "its TLS certificate was not accepted"
    if isinstance(cause, TimeoutError | httpx.TimeoutException):
        return f"no answer within {seconds:g} s"
    if isinstance(cause, aiohttp.ClientConnectorError):
        return "connection refused, or no such host"
    if isinstance(cause, aiohttp.ClientConnectionError | OSError):
        return "the connection was dropped"
    if isinstance(cause, aiohttp.ClientPayloadError):
        return "the answer was cut off"
    if isinstance(cause, aiohttp.ClientResponseError):
        return "the answer was not HTTP"
    return type(cause).__name__


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
        raise ConfigError(f"{name} is not a usable URL", "give one that starts with http:// or https://") from None
    for secret in _secrets_of(base_url):
        hide(secret)
    return str(url), headers


def _secrets_of(url: str) -> Iterator[str]:
    """The parts of a URL that may be keys, as they stand there and as they are sent."""
    parts = urlsplit(url.strip())
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    values = [pair.partition("=")[2] or pair for pair in f"{parts.query}&{parts.fragment}".split("&")]
    segments = [one for one in parts.path.split("/") if len(one) >= 16 or any(map(str.isdigit, one))]
    for part in (user, password, *values, *segments):
        shortest = SHORTEST_PASSWORD if part == password else SHORTEST_SECRET
        yield from (form for form in {part, unquote(part)} if len(form) >= shortest)


def _tls_context() -> ssl.SSLContext:
    """Certificates and host names are always verified. SSL_CERT_FILE and SSL_CERT_DIR may name whom to trust.

    Raises ConfigError when what they name cannot be read.
    """
    try:
        return httpx.create_ssl_context()
    except OSError:
        raise ConfigError(
            "the certificates that SSL_CERT_FILE or SSL_CERT_DIR names cannot be read", "correct it or unset it"
        ) from None


def _open_client(url: str, headers: Mapping[str, str]) -> httpx.AsyncClient:
    # Without TLS an empty store will do: loading the real one costs 30 ms.
    is_tls = url.startswith("https:")
    tls = _tls_context() if is_tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    def open_session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=MAX_CONNECTIONS, keepalive_timeout=KEEP_ALIVE, ssl=tls)
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    return httpx.AsyncClient(
        transport=AiohttpTransport(verify=tls, client=open_session),
        headers=headers,
        timeout=httpx.Timeout(None, connect=CONNECT_TIMEOUT),
        follow_redirects=False,
        trust_env=False,
    )


async def _read_bounded(response: httpx.Response, where: str) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > MAX_BODY:
            raise MalformedError(f"{where} answered with more than {MAX_BODY} bytes", "is this the right server?")
        parts.append(part)
    return b"".join(parts)
