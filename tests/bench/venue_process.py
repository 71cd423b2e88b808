"""The watched venue from outside: its commands as methods, its notes as values."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ama_tui.localnet.options import VenueOptions
from tests.bench.client import ROOT

CYCLE_METHODS = ("eth_call", "eth_getLogs", "eth_getTransactionReceipt")


@dataclass(frozen=True, slots=True)
class ReadNote:
    """A read that the venue answered: of the node, or of the API when it has a path."""

    began: float
    """When it came, on the monotonic clock."""
    ended: float
    path: str
    body: str
    size: int
    """Bytes of the answer."""

    @property
    def is_of_a_cycle(self) -> bool:
        """False for polling for a new block."""
        return not self.body or any(method in self.body for method in CYCLE_METHODS)


@dataclass(frozen=True, slots=True)
class Notes:
    """What a watched venue noted."""

    blocks: dict[int, float]
    """When each block was produced."""
    reads: list[ReadNote]
    posts: list[tuple[float, str]]
    """When an order request came, and of which trader."""

    def followed_by(self, later: Notes) -> Notes:
        """These and later notes."""
        return Notes(self.blocks | later.blocks, self.reads + later.reads, self.posts + later.posts)


class WatchedVenue:
    """A running watched venue. Its methods may be called one at a time."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self._child = child
        ready = self._line()
        self.rpc_url, self.app_url = str(ready["rpc_url"]), str(ready["app_url"])

    async def notes(self) -> Notes:
        """What was noted since the last call; the first one begins it."""
        blocks: dict[int, float] = {}
        reads: list[ReadNote] = []
        posts: list[tuple[float, str]] = []
        for note in await self._ask("notes"):
            if note["kind"] == "block":
                blocks[note["number"]] = note["at"]
            elif note["kind"] == "read":
                reads.append(ReadNote(note["began"], note["at"], note["path"], note["body"], note["size"]))
            else:
                posts.append((note["at"], note["trader"]))
        return Notes(blocks, reads, posts)

    async def fill(self, symbol: str) -> tuple[int, list[str]]:
        """Fill the fleet's best order on one side. Returns the block and the traders filled, once it is over."""
        filled = await self._ask(f"fill {symbol}")
        return filled["block"], filled["traders"]

    async def set_block_time(self, seconds: float) -> None:
        await self._ask(f"pace {seconds}")

    async def _ask(self, command: str) -> Any:
        return await asyncio.to_thread(self._asked, command)

    def _asked(self, command: str) -> Any:
        assert self._child.stdin is not None
        self._child.stdin.write(command + "\n")
        self._child.stdin.flush()
        return self._line()

    def _line(self) -> Any:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise RuntimeError("the watched venue ended; its log is venue.log")
        return json.loads(line)


@contextmanager
def watched_venue(options: VenueOptions, directory: Path) -> Iterator[WatchedVenue]:
    """Run a watched venue that writes its client files to `directory`. It ends with the context."""
    command = [sys.executable, "-m", "tests.bench.watched_venue", str(directory), json.dumps(asdict(options))]
    with (directory / "venue.log").open("ab") as log:
        child = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        yield WatchedVenue(child)
    finally:
        child.stdin.close() if child.stdin is not None else None
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdout.close() if child.stdout is not None else None
