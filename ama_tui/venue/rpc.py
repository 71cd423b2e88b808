"""JSON-RPC to a node: single calls and batches of reads, retried, every failure one of ours."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

import orjson

from ama_tui.domain.errors import MalformedError, RpcError
from ama_tui.venue.api_errors import retry_after
from ama_tui.venue.http import HttpClient, HttpResponse, HttpStats
from ama_tui.venue.retry import retried, transient
from ama_tui.venue.sanitize import excerpt, one_line

MAX_BATCH = 500
SINGLES_AT_ONCE = 16
LIMIT_EXCEEDED = -32005
_NEVER_THE_SIZE = (401, 403, 404)
_HINT = "is RPC_URL the address of a JSON-RPC node?"
_RATE_LIMIT_WORDS = ("rate limit", "rate-limit", "ratelimit", "too many requests")

Request = tuple[str, Sequence[object]]
"""A method and its parameters."""


class JsonRpc:
    """One node. `masked` stands for its URL in every message, because RPC URLs often hold a key.

    Raises UnreachableError (no answer), MalformedError (not JSON-RPC) and RpcError (the node's own error).
    """

    def __init__(self, url: str, *, masked: str = "RPC_URL", timeout: float = 15.0) -> None:
        self._http = HttpClient(url, name=masked, hint="is the node running, and is RPC_URL right?", timeout=timeout)
        self._masked = masked
        self._next_id = 0
        self._batch_limit = MAX_BATCH

    @property
    def stats(self) -> HttpStats:
        """How many HTTP requests were sent and how long the latest took."""
        return self._http.stats

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
        """The result of one call, as JSON gave it."""
        envelope = self._envelope((method, params))

        async def attempt() -> object:
            answer = await self._http.post("", envelope)
            result = self._one(method, answer)
            if isinstance(result, RpcError):
                raise self._transient_if_busy(result, answer)
            return result

        return await retried(attempt)

    async def batch(self, requests: Sequence[Request]) -> list[object | RpcError]:
        """The results of many calls in order, in one HTTP request per 500; a failed one is its RpcError.

        A node that refuses batches of that size is asked in smaller ones, down to single calls.
        """
        results: list[object | RpcError] = []
        while len(results) < len(requests):
            size = self._batch_limit
            part = requests[len(results) : len(results) + size]
            if size == 1:
                return results + await self._singles(requests[len(results) :])
            answers = await self._batch_once(part)
            if answers is None:
                self._batch_limit = max(1, min(size, len(part)) // 2)
            else:
                results += answers
        return results

    async def _batch_once(self, requests: Sequence[Request]) -> list[object | RpcError] | None:
        """One batch in one HTTP request; None when the node refuses it as a batch."""
        envelopes = [self._envelope(request) for request in requests]
        last: list[object | RpcError] | None = None

        async def attempt() -> list[object | RpcError] | None:
            nonlocal last
            answer = await self._http.post("", envelopes)
            body = self._json(answer, "a batch")
            if not isinstance(body, list):
                refused = self._error_of(body, answer)
                if refused is None:
                    raise self._malformed("a batch", "neither results nor an error", answer)
                if answer.status in _NEVER_THE_SIZE:
                    raise refused
                if _is_busy(refused, answer.status):
                    raise transient(refused, retry_after(answer.retry_after))
                return None
            by_id = {item["id"]: item for item in body if isinstance(item, dict) and _is_id(item.get("id"))}
            last = [self._entry(by_id.get(envelope["id"])) for envelope in envelopes]
            busy = next((r for r in last if isinstance(r, RpcError) and _is_busy(r, answer.status)), None)
            if busy is not None:
                raise transient(busy, retry_after(answer.retry_after))
            return last

        try:
            return await retried(attempt)
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

    def _one(self, method: str, answer: HttpResponse) -> object | RpcError:
        body = self._json(answer, method)
        if not isinstance(body, dict) or ("result" not in body and "error" not in body):
            if not answer.is_ok:
                return self._http_error(answer)
            raise self._malformed(method, "neither a result nor an error", answer)
        return self._entry(body)

    def _entry(self, item: Mapping[str, object] | None) -> object | RpcError:
        if item is None:
            return RpcError(f"{self._masked} left an answer out of a batch", "try another node")
        error = item.get("error")
        if error is not None:
            return self._rpc_error(error)
        if "result" not in item:
            return RpcError(f"{self._masked} gave neither a result nor an error", _HINT)
        return item["result"]

    def _error_of(self, body: object, answer: HttpResponse) -> RpcError | None:
        """The error that a whole batch was answered with, or None when there is none in it."""
        if isinstance(body, dict) and body.get("error") is not None:
            return self._rpc_error(body["error"])
        return None if answer.is_ok else self._http_error(answer)

    def _rpc_error(self, error: object) -> RpcError:
        if not isinstance(error, dict):
            return RpcError(f"{self._masked} answered with an error: {one_line(str(error))}")
        code, message, data = error.get("code"), error.get("message"), error.get("data")
        if isinstance(data, dict):
            data = data.get("data")
        return RpcError(
            f"{self._masked} answered with an error: {one_line(str(message or 'no message'))}",
            code=code if isinstance(code, int) and not isinstance(code, bool) else 0,
            data=data if isinstance(data, str) else None,
        )

    def _http_error(self, answer: HttpResponse) -> RpcError:
        hint = "check the key in RPC_URL" if answer.status in (401, 403) else _HINT
        return RpcError(
            f"{self._masked} answered HTTP {answer.status}: {excerpt(answer.body) or '(empty)'}",
            hint,
            code=answer.status,
        )

    def _json(self, answer: HttpResponse, what: str) -> object:
        try:
            return orjson.loads(answer.body)
        except ValueError:
            if answer.is_ok:
                raise self._malformed(what, "something that is not JSON", answer) from None
        error = self._http_error(answer)
        if answer.status >= 500 or answer.status == 429:
            raise transient(error, retry_after(answer.retry_after))
        if answer.status in _NEVER_THE_SIZE:
            raise error
        return {"error": {"code": error.code, "message": error.message}}

    def _transient_if_busy(self, error: RpcError, answer: HttpResponse) -> Exception:
        if _is_busy(error, answer.status):
            return transient(error, retry_after(answer.retry_after))
        return error

    def _malformed(self, what: str, how: str, answer: HttpResponse) -> MalformedError:
        return MalformedError(f"{self._masked} answered {what} with {how}: {excerpt(answer.body) or '(empty)'}", _HINT)


def _is_busy(error: RpcError, status: int) -> bool:
    if error.code == LIMIT_EXCEEDED or status in (429, 502, 503, 504):
        return True
    text = error.message.lower()
    return any(words in text for words in _RATE_LIMIT_WORDS)


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
