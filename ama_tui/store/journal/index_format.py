"""How the journal's index is stored: one line with a checksum, then one JSON object."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import orjson

from ama_tui.domain.order import Side
from ama_tui.store.journal.permit_line import permit_of, permit_params
from ama_tui.store.journal.replay import AnnouncedSession, JournalReplay, PlacedIntent, TakenIntent

_VERSION = 2
_SIDES = (Side.BUY, Side.SELL)


@dataclass(frozen=True, slots=True)
class FileSum:
    """The first `size` bytes of a journal file, by its number, and their CRC-32."""

    number: int
    size: int = 0
    crc: int = 0


@dataclass(frozen=True, slots=True)
class IndexHeader:
    """What an index is about: the last files up to its end, the lines of the last one and of all, and their numbers."""

    sums: tuple[FileSum, ...]
    line: int
    lines: int
    first_seq: int | None
    last_seq: int | None


def encoded(header: IndexHeader, replay: JournalReplay) -> bytes | None:
    """An index as bytes; None if it has something that it cannot store, such as a number of more than 64 bits."""
    value = {
        "sums": [[one.number, one.size, one.crc] for one in header.sums],
        "line": header.line,
        "lines": header.lines,
        "firstSeq": header.first_seq,
        "lastSeq": header.last_seq,
        "replay": _replay_as_json(replay),
    }
    try:
        body = orjson.dumps(value)
    except TypeError:
        return None
    return b"ama-tui journal index %d %s\n%b" % (_VERSION, _checksum(body), body)


def decoded(data: bytes) -> tuple[IndexHeader, JournalReplay] | None:
    """An index from its bytes, None for anything else."""
    first, _, body = data.partition(b"\n")
    if first != b"ama-tui journal index %d %s" % (_VERSION, _checksum(body)):
        return None
    value = orjson.loads(body)
    sums = tuple(FileSum(*one) for one in value["sums"])
    header = IndexHeader(sums, value["line"], value["lines"], value["firstSeq"], value["lastSeq"])
    return header, _replay_of(value["replay"])


def _checksum(body: bytes) -> bytes:
    return blake2b(body, digest_size=16).hexdigest().encode("ascii")


def _replay_as_json(replay: JournalReplay) -> dict[str, object]:
    wallets: dict[str, int] = {}
    runs: dict[str, int] = {}
    numbers = {key: number for number, key in enumerate(replay.placed)}
    return {
        "placed": [
            (
                wallets.setdefault(key[0], len(wallets)),
                _SIDES.index(one.side),
                one.level,
                str(one.amount18),
                one.price6,
                one.sequence,
                one.ts,
                runs.setdefault(one.run_id, len(runs)),
                one.tx_hash,
                one.order_id,
                one.status,
                one.error,
                one.has_outcome,
                one.intent_id,
                one.margin6,
                one.block,
                one.moves,
            )
            for key, one in replay.placed.items()
        ],
        "orders": [(numbers[one.wallet, one.amount18], key[1]) for key, one in replay.orders.items()],
        "ended": [numbers[key] for key in replay.ended],
        "takes": [_take_as_json(one) for one in replay.takes.values()],
        "wallets": list(wallets),
        "runs": list(runs),
        "cancels": list(replay.cancels),
        "lastActionAt": replay.last_action_at,
        "highestSequence": replay.highest_sequence,
        "sessions": {wallet: list(map(_session_as_json, known)) for wallet, known in replay.sessions.items()},
        "entries": replay.entries,
        "lastRunId": replay.last_run_id,
    }


def _replay_of(value: dict[str, Any]) -> JournalReplay:
    wallets, runs = value["wallets"], value["runs"]
    placed = [
        PlacedIntent(
            wallets[row[0]], _SIDES[row[1]], row[2], int(row[3]), row[4], row[5], row[6], runs[row[7]], *row[8:]
        )
        for row in value["placed"]
    ]
    keys = [(one.wallet, one.amount18) for one in placed]
    return JournalReplay(
        last_action_at=value["lastActionAt"],
        sessions={wallet: tuple(map(_session_of, known)) for wallet, known in value["sessions"].items()},
        placed=dict(zip(keys, placed, strict=True)),
        highest_sequence=value["highestSequence"],
        orders={(placed[number].wallet, order_id): placed[number] for number, order_id in value["orders"]},
        cancels={(wallet, order_id) for wallet, order_id in value["cancels"]},
        ended=OrderedDict((keys[number], None) for number in value["ended"]),
        takes={one.intent_id: one for one in map(_take_of, value["takes"])},
        entries=value["entries"],
        last_run_id=value["lastRunId"],
    )


def _take_as_json(take: TakenIntent) -> tuple[object, ...]:
    amounts = take.amount18, take.limit6, take.reach6, take.notional6, take.margin6
    known = take.decided_in, take.ts, take.tx_hash, take.status, take.traded6
    return (take.wallet, take.intent_id, _SIDES.index(take.side), *map(str, amounts), *known)


def _take_of(row: Sequence[Any]) -> TakenIntent:
    wallet, intent_id, side, *numbers = row
    amount18, limit6, reach6, value6, margin6 = map(int, numbers[:5])
    return TakenIntent(wallet, intent_id, _SIDES[side], amount18, limit6, reach6, value6, margin6, *numbers[5:])


def _session_as_json(session: AnnouncedSession) -> tuple[object, ...]:
    permit = None if session.permit is None else permit_params(session.session_id, session.permit)["permit"]
    return session.session_id, session.expiry, session.is_confirmed, permit


def _session_of(row: Sequence[Any]) -> AnnouncedSession:
    session_id, expiry, is_confirmed, permit = row
    return AnnouncedSession(session_id, expiry, is_confirmed, None if permit is None else permit_of({"permit": permit}))
