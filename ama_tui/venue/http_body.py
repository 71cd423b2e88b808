"""Reads the body of an HTTP response: bounded on the wire and after decompression, with at most one coding."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import aiohttp

from ama_tui.domain.errors import MalformedError
from ama_tui.venue.sanitize import one_line

MAX_BODY = 8 * 1024 * 1024
"""Bytes, on the wire and after decompression."""

MAX_BLOCK = 64 * 1024
"""Bytes that are decompressed at once."""

_COMPRESSED = frozenset({"gzip", "x-gzip", "deflate"})
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


class TooLargeError(MalformedError):
    """A body over `MAX_BODY`."""


class UndecodableError(Exception):
    """A compressed body is invalid or ends too early."""


async def read_body(response: aiohttp.ClientResponse, where: str) -> bytes:
    """The decompressed body. Nothing is decompressed beyond the limit.

    Raises MalformedError for a body over 8 MiB, for more than one coding and for codings other than gzip and deflate;
    UndecodableError; and what the transport raises.
    """
    inflate = _Inflate() if _is_compressed(response, where) else None
    blocks: list[bytes] = []
    received = size = 0
    async for chunk in response.content.iter_any():
        received += len(chunk)
        for block in (chunk,) if inflate is None else inflate.blocks(chunk):
            size += len(block)
            if size > MAX_BODY:
                break
            blocks.append(block)
        if max(received, size) > MAX_BODY:
            raise TooLargeError(
                f"{where} returned more than {MAX_BODY // 2**20} MiB", "check that this is the right server"
            )
    if inflate is not None and received:
        inflate.finish()
    return b"".join(blocks)


def _is_compressed(response: aiohttp.ClientResponse, where: str) -> bool:
    stated = ", ".join(response.headers.getall("content-encoding", []))
    codings = [name for part in stated.lower().split(",") if (name := part.strip()) not in ("", "identity")]
    if len(codings) > 1 or not _COMPRESSED.issuperset(codings):
        raise MalformedError(
            f"{where} returned a body compressed with {one_line(stated, 60)!r}, which is not supported",
            "have the server use gzip or no compression",
        )
    return bool(codings)


class _Inflate:
    """Decompresses gzip (one or more members) or zlib data in small blocks."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_GZIP_OR_ZLIB)

    def blocks(self, data: bytes) -> Iterator[bytes]:
        """What `data` decompresses to, block by block. Raises UndecodableError."""
        while data:
            if self._stream.eof:
                self._stream = zlib.decompressobj(_GZIP_OR_ZLIB)
            try:
                block = self._stream.decompress(data, MAX_BLOCK)
            except zlib.error:
                raise UndecodableError from None
            data = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail
            if block:
                yield block

    def finish(self) -> None:
        """Raises UndecodableError if the data ended before the stream did."""
        if not self._stream.eof:
            raise UndecodableError
