"""JSON-RPC client for a node: single calls and batches of reads, with retries. Raises only our own errors."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

import orjson

from ama_tui.domain.errors import MalformedError, RateLimitError, RpcError
from ama_tui.venue.api_errors import retry_after
from ama_tui.venue.host_gate import HostGate
from ama_tui.venue.http import HttpClient, HttpResponse, HttpStats
from ama_tui.venue.learned_limit import LearnedLimit
from ama_tui.venue.retry import in_time, retried, transient
from ama_tui.venue.rpc_errors import is_busy, is_rate_limit, rpc_error
from ama_tui.venue.sanitize import excerpt

MAX_BATCH = 500
SINGLES_AT_ONCE = 16
_NEVER_THE_SIZE = (401, 403, 404)
_HINT = "check that RPC_URL points to a JSON-RPC node"

Request = tuple[str, Sequence[object]]
"""A method and its parameters."""


class JsonRpc:
    """A client for one node. Messages show `masked` instead of the URL, because RPC URLs often contain a key.

    Raises UnreachableError (no response), MalformedError (not JSON-RPC), RateLimitError (the node limits requests) and
    RpcError (the node's own error).
    """

    def __init__(self, url: str, *, masked: str = "RPC_URL", timeout: float = 15.0) -> None:
        self._http = HttpClient(
            url, name=masked, hint="check that the node is running and RPC_URL is correct", timeout=timeout
        )
        self._masked = masked
        self._next_id = 0
        self._batch_limit = LearnedLimit(MAX_BATCH)
        self._gate = HostGate(masked, self._http.stats)

    @property
    def stats(self) -> HttpStats:
        """The number of HTTP requests sent and the duration of the latest."""
        return self._http.stats

    @property
    def batch_limit(self) -> int:
        """How many calls go into one HTTP request."""
        return self._batch_limit.now

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def call(self, method: str, params: Sequence[object] = ()) -> object:
        """The JSON result of one call."""
        envelope = self._envelope((method, params))

        async def attempt() -> object:
            await self._gate.passed()
            response = await self._http.post("", envelope)
            result = self._one(method, response)
            if isinstance(result, RpcError):
                raise self._as_raised(result, response)
            self._gate.answered()
            return result

        return await retried(attempt)

    async def batch(self, requests: Sequence[Request], *, splits: bool = True) -> list[object | RpcError]:
        """The results of many calls in order, in one HTTP request per 500. A failed call yields its RpcError.

        If the node refuses a batch of that size, or limits the rate of some of its calls, smaller batches follow, down
        to single calls, and larger ones are tried again later. All of it takes at most a minute. Unless it `splits`, a
        limit on some of the calls is raised as one on all of them.
        """
        return await in_time(self._batch(requests, splits), f"a batch of {len(requests)} calls to {self._masked}")

    async def _batch(self, requests: Sequence[Request], splits: bool) -> list[object | RpcError]:
        results: list[object | RpcError] = []
        while len(results) < len(requests):
            part = requests[len(results) : len(results) + self._batch_limit.now]
            if self._batch_limit.now == 1:
                results += await self._singles(requests[len(results) :])
                self._batch_limit.accepted(1)
                return results
            responses = await self._batch_once(part, splits)
            if responses is not None:
                results += responses
                self._batch_limit.accepted(len(part))
            else:
                self._batch_limit.refused(max(2, len(part)))  # even one call is no batch here: ask without
        return results

    async def _batch_once(self, requests: Sequence[Request], splits: bool) -> list[object | RpcError] | None:
        """Send one batch in one HTTP request. None if the node refuses it as a batch, or limits some of its calls and
        it may be split.
        """
        envelopes = [self._envelope(request) for request in requests]
        last: list[object | RpcError] | None = None

        async def attempt() -> list[object | RpcError] | None:
            nonlocal last
            await self._gate.passed()
            response = await self._http.post("", envelopes)
            body = self._json(response, "a batch")
            if not isinstance(body, list):
                refused = self._error_of(body, response)
                if refused is None:
                    raise self._malformed("a batch", "neither results nor an error", response)
                if response.status in _NEVER_THE_SIZE:
                    raise refused
                if is_busy(refused, response.status):
                    raise self._as_raised(refused, response)
                return None
            by_id = {item["id"]: item for item in body if isinstance(item, dict) and _is_id(item.get("id"))}
            last = [self._entry(by_id.get(envelope["id"])) for envelope in envelopes]
            busy = next((r for r in last if isinstance(r, RpcError) and is_busy(r, response.status)), None)
            if busy is not None:
                raise self._as_raised(busy, response)
            self._gate.answered()
            return last

        try:
            return await retried(attempt)
        except RateLimitError:
            if not splits or last is None or all(isinstance(result, RpcError) for result in last):
                raise
            return None  # the node counts calls, not requests: fewer at once may pass
        except RpcError:
            if last is None:
                raise
            return last

    async def _singles(self, requests: Sequence[Request]) -> list[object | RpcError]:
        gate = asyncio.Semaphore(SINGLES_AT_ONCE)

        async def one(method: str, params: Sequence[object]) -> object | RpcError:
            async with gate:
                try:
                    return await self.call(method, params)
                except RpcError as error:
                    return error

        return list(await asyncio.gather(*(one(method, params) for method, params in requests)))

    def _envelope(self, request: Request) -> dict[str, object]:
        self._next_id += 1
        return {"jsonrpc": "2.0", "id": self._next_id, "method": request[0], "params": list(request[1])}

    def _one(self, method: str, response: HttpResponse) -> object | RpcError:
        body = self._json(response, method)
        if not isinstance(body, dict) or ("result" not in body and "error" not in body):
            if not response.is_ok:
                return self._http_error(response)
            raise self._malformed(method, "neither a result nor an error", response)
        return self._entry(body)

    def _entry(self, item: Mapping[str, object] | None) -> object | RpcError:
        if item is None:
            return RpcError(f"{self._masked} left a result out of a batch", "try another node")
        error = item.get("error")
        if error is not None:
            return rpc_error(self._masked, error)
        if "result" not in item:
            return RpcError(f"{self._masked} returned neither a result nor an error", _HINT)
        return item["result"]

    def _error_of(self, body: object, response: HttpResponse) -> RpcError | None:
        """The error returned for a whole batch, None if the body has none."""
        if isinstance(body, dict) and body.get("error") is not None:
            return rpc_error(self._masked, body["error"])
        return None if response.is_ok else self._http_error(response)

    def _http_error(self, response: HttpResponse) -> RpcError:
        hint = "check the key in RPC_URL" if response.status in (401, 403) else _HINT
        return RpcError(
            f"{self._masked} returned HTTP {response.status}: {excerpt(response.body) or '(empty)'}",
            hint,
            code=response.status,
        )

    def _json(self, response: HttpResponse, what: str) -> object:
        try:
            return orjson.loads(response.body)
        except ValueError:
            if response.is_ok:
                raise self._malformed(what, "something that is not JSON", response) from None
        error = self._http_error(response)
        if response.status >= 500 or is_busy(error, response.status):
            raise self._as_raised(error, response, is_transient=True)
        if response.status in _NEVER_THE_SIZE:
            raise error
        return {"error": {"code": error.code, "message": error.message}}

    def _as_raised(self, error: RpcError, response: HttpResponse, *, is_transient: bool = False) -> Exception:
        """The error as it is raised: a rate limit closes the gate, and it or a busy node allow another attempt."""
        seconds = retry_after(response.retry_after)
        if is_rate_limit(error, response.status):
            self._gate.refused(seconds)
            hint = "wait, or use a node with a higher limit"
            return transient(RateLimitError(error.message, hint, retry_after=seconds), seconds)
        if is_transient or is_busy(error, response.status):
            return transient(error, seconds)
        return error

    def _malformed(self, what: str, how: str, response: HttpResponse) -> MalformedError:
        return MalformedError(
            f"{self._masked} responded to {what} with {how}: {excerpt(response.body) or '(empty)'}", _HINT
        )


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
