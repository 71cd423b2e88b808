"""The eth_calls of a batch: how groups of calls are spread over them, and what their results say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ama_tui.venue.fleet_calls import FleetCalls, KnownResults
from ama_tui.venue.multicall import Call, CallGroup, CallResult, GroupResults
from ama_tui.venue.multicall_reads import (
    BLOCK_NUMBER,
    BLOCK_TIMESTAMP,
    block_and_time,
    decoded,
    request_of,
    results_of,
)
from ama_tui.venue.rpc import Request

_BLOCK = CallGroup.of([BLOCK_NUMBER, BLOCK_TIMESTAMP])
BLOCK_CALLS = len(_BLOCK.calls)
"""So many calls of every part ask for its block."""


class Piece(NamedTuple):
    """The calls of one group that go into one part: all of them if they fit."""

    number: int
    """The group's."""
    group: CallGroup
    is_whole: bool


class _Part(NamedTuple):
    """The results of one eth_call as they came."""

    block: int
    block_time: int
    pieces: Sequence[Piece]
    results: Sequence[GroupResults]
    """Of each piece."""


class OpenPart(NamedTuple):
    """The pieces of a part that had to be decoded, or that have to be read again at the block of the first part."""

    pieces: Sequence[Piece]
    results: Sequence[list[CallResult]] | None
    """None if they are from another block."""

    @property
    def calls(self) -> list[Call]:
        """The calls of all pieces."""
        return [call for piece in self.pieces for call in piece.group.calls]


@dataclass(frozen=True, slots=True)
class PartsRead:
    """What the parts of a batch say."""

    block: int
    block_time: int
    known: KnownResults
    """The groups whose results are the same as before."""
    open_parts: Sequence[OpenPart]
    new: dict[int, GroupResults]
    """The results of other groups that came whole, by number, if they decode to the same thing next time."""


def packed(groups: Iterable[CallGroup], size: int) -> list[list[Piece]]:
    """The groups in order, in parts of so many calls."""
    parts: list[list[Piece]] = []
    room = 0
    for number, group in enumerate(groups):
        at, count = 0, len(group.calls)
        while at < count and size > 0:
            if room == 0:
                parts.append([])
                room = size
            taken = min(room, count - at)
            is_whole = taken == count
            piece = group if is_whole else CallGroup.of(group.calls[at : at + taken])
            parts[-1].append(Piece(number, piece, is_whole))
            at, room = at + taken, room - taken
    return parts


def request_for(pieces: Iterable[Piece]) -> Request:
    """The request for a part at the latest block."""
    return request_of([_BLOCK, *(piece.group for piece in pieces)], "latest")


def parts_read(asked: FleetCalls, chunks: Sequence[Sequence[Piece]], responses: Sequence[object]) -> PartsRead:
    """What these responses to the requests for these parts say. Raises MalformedError, and an RpcError among them."""
    parts = [_part(chunk, response) for chunk, response in zip(chunks, responses, strict=True)]
    block = parts[0].block
    whole = {
        piece.number: results
        for part in parts
        if part.block == block
        for piece, results in zip(part.pieces, part.results, strict=True)
        if piece.is_whole
    }
    known = asked.known(whole)
    open_parts = [_opened(part, known) if part.block == block else OpenPart(part.pieces, None) for part in parts]
    new = {
        piece.number: whole[piece.number]
        for part in open_parts
        for piece, results in zip(part.pieces, part.results or (), strict=False)
        if piece.number in whole and not known.has(piece.number) and not _lacks_gas(results)
    }
    return PartsRead(block, parts[0].block_time, known, open_parts, new)


def _part(chunk: Sequence[Piece], response: object) -> _Part:
    block, *results = results_of(response, [BLOCK_CALLS, *(len(piece.group.calls) for piece in chunk)])
    number, time = decoded([block])[0]
    return _Part(*block_and_time(number, time), chunk, results)


def _opened(part: _Part, known: KnownResults) -> OpenPart:
    """The pieces of groups that are not known. All of them if a call failed without a reason, since others may have
    used up its gas: which comes first tells how many calls the node can handle.
    """
    pairs = [pair for pair in zip(part.pieces, part.results, strict=True) if not known.has(pair[0].number)]
    results = decoded(pair[1] for pair in pairs)
    if any(map(_lacks_gas, results)):
        return OpenPart(part.pieces, decoded(part.results))
    return OpenPart([pair[0] for pair in pairs], results)


def _lacks_gas(results: Iterable[CallResult]) -> bool:
    return any(not result.ok and not result.data for result in results)
