"""A bare client: sends the requests that a cycle sent to the venue once more and reads the answers, nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any
from unittest.mock import patch

import aiohttp

from ama_tui.venue.http import HttpClient, HttpResponse


@dataclass(frozen=True, slots=True)
class SentRequest:
    """A request of a cycle, and when it began and ended (seconds)."""

    began: float
    ended: float
    method: str
    url: str
    params: Mapping[str, str] | None
    body: bytes | None


@contextmanager
def recording() -> Iterator[list[SentRequest]]:
    """Every request of every client, in the order of their ends."""
    sent: list[SentRequest] = []
    send = HttpClient._request

    async def noted(self: HttpClient, method: str, path: str, **options: Any) -> HttpResponse:
        began = perf_counter()
        response = await send(self, method, path, **options)
        url = self._url.rstrip("/") + path if path else self._url
        sent.append(SentRequest(began, perf_counter(), method, url, options.get("params"), options.get("content")))
        return response

    with patch.object(HttpClient, "_request", noted):
        yield sent


async def seconds_bare(client: aiohttp.ClientSession, requests: list[SentRequest]) -> float:
    """How long the same requests take, those side by side that were."""
    groups: list[list[SentRequest]] = []
    for request in sorted(requests, key=lambda request: request.began):
        if groups and request.began < max(one.ended for one in groups[-1]):
            groups[-1].append(request)
        else:
            groups.append([request])
    began = perf_counter()
    for group in groups:
        await asyncio.gather(*(_read(client, request) for request in group))
    return perf_counter() - began


async def _read(client: aiohttp.ClientSession, request: SentRequest) -> None:
    headers = {"content-type": "application/json"}
    async with client.request(
        request.method, request.url, params=request.params, data=request.body, headers=headers
    ) as response:
        await response.read()
