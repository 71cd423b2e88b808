"""Journal lines as rows of a spreadsheet."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from functools import lru_cache
from zlib import crc32

from ama_tui.cli.journal_format import printable
from ama_tui.store.journal.entry import CRC, JournalEntry, entry_of, parse_own, parse_raw
from ama_tui.store.journal.quick_lines import TS_BEGIN, TS_END, Heads
from ama_tui.store.json_fields import compact, iso_utc

_COLUMNS = (
    *("seq", "time", "ts", "runId", "chainId", "orderBook", "marketIdBytes32", "trader", "nickname", "role"),
    *("action", "intentId", "txHash", "error", "params"),
)
_TAIL = re.compile(rb'}(?:,"txHash":"(0x[0-9a-f]+)")?,"seq":([0-9]+)(?:,"intentId":"([0-9a-f][0-9a-f-]*)")?')
"""What follows the params of a line without an error, up to its checksum."""
_FORMULA = ("=", "+", "-", "@")


class _Echo:
    """A file whose `write` returns the text, and so does `writerow`."""

    def write(self, text: str) -> str:
        return text


_CSV = csv.writer(_Echo(), lineterminator="\n")


def csv_head() -> bytes:
    """The column names as a CSV row."""
    return _row(_COLUMNS)


class CsvRows:
    """Makes CSV rows of journal lines; text that a spreadsheet would run as a formula gets a prefix."""

    def __init__(self) -> None:
        self._heads: Heads[bytes] = Heads()
        """The cells from `runId` to `action` of the lines that have a head in common."""

    def row(self, line: bytes) -> bytes:
        """The row of a line. Raises ShapeError for a line that cannot be read."""
        covered, _, end = line.rpartition(CRC)
        brace, params_end = covered.find(b"{", 1), covered.rfind(b"}")
        tail = _TAIL.fullmatch(covered, max(0, params_end))
        params = covered[brace : params_end + 1]
        if tail is None or not _is_flat(params):
            return _careful_row(_entry(line))
        cells = self._heads.find(covered[TS_END:brace])
        if cells is None or end != b"%d}\n" % crc32(covered):
            entry = _entry(line)
            self._heads.keep(line, _row(_head_cells(entry))[:-1])
            return _careful_row(entry)
        ts = covered[TS_BEGIN:TS_END]
        tx_hash, seq, intent_id = tail.groups(b"")
        return b'%b,%b,%b,%b,%b,%b,,"%b"\n' % (
            seq,
            _time(ts),
            ts,
            cells,
            intent_id,
            tx_hash,
            params.replace(b'"', b'""'),
        )


def _is_flat(params: bytes) -> bool:
    """Are they in one pair of braces, with something in it, and all printable?"""
    return params.count(b"{") == params.count(b"}") == 1 and len(params) > 2 and params.decode("latin-1").isprintable()


def _entry(line: bytes) -> JournalEntry:
    return entry_of(parse_own(line) or parse_raw(line))


def _careful_row(entry: JournalEntry) -> bytes:
    """The row of any entry; it takes ten times as long."""
    params = "" if entry.params is None else compact(entry.params).decode("ascii")
    begin = (entry.seq, iso_utc(entry.ts), entry.ts)
    return _row([*begin, *_head_cells(entry), *map(_cell, (entry.intent_id, entry.tx_hash, entry.error, params))])


def _head_cells(entry: JournalEntry) -> list[object]:
    ids = (entry.run_id, entry.chain_id, entry.order_book, entry.market_id)
    return [_cell(value) for value in (*ids, entry.trader, entry.nickname, entry.role, entry.action)]


def _cell(value: object) -> object:
    if not isinstance(value, str):
        return value
    return printable(f"'{value}" if value.startswith(_FORMULA) else value)


def _row(values: Iterable[object]) -> bytes:
    row: str = _CSV.writerow(values)
    return row.encode()


def _time(ts: bytes) -> bytes:
    """`iso_utc`, which is slow, once for all lines of a second."""
    return b"%b%bZ" % (_second(ts[:-3]), ts[-3:])


@lru_cache(maxsize=16)
def _second(second: bytes) -> bytes:
    return iso_utc(int(second) * 1000)[:-4].encode()
