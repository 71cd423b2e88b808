"""`python -m tests.crash.saboteur ARGUMENTS`: the program, made to fail at one call, with keys all around.

The call is the n-th that enters a file whose path holds a certain text; how it fails is one of `FAILURES`. The plan
comes as JSON in the environment, and the moment is marked by a file, so that whoever looks on knows that it came.
"""

from __future__ import annotations

import base64
import csv
import json
import os
import random
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

VARIABLE = "SABOTAGE"

NOTATIONS: tuple[Callable[[bytes], object], ...] = (
    lambda key: key,
    lambda key: bytearray(key),
    lambda key: key.hex(),
    lambda key: "0x" + key.hex().upper(),
    lambda key: key.hex(" "),
    lambda key: list(key),
    lambda key: int.from_bytes(key, "big"),
    lambda key: base64.b64encode(key).decode(),
    lambda key: {"wallets": [{"privateKey": "0x" + key.hex()}]},
    lambda key: f"http://node.example/v2/{key.hex()}",
)


@dataclass(frozen=True)
class Sabotage:
    """Fail in the way `failure` names, at the n-th call into a file whose path contains `where`."""

    where: str
    call: int
    failure: str
    seed: int
    wallets: str
    mark: str

    def as_environment(self) -> dict[str, str]:
        return {VARIABLE: json.dumps(asdict(self))}


def _plainly(keys: list[bytes], chance: random.Random) -> None:
    """The keys are only in local variables."""
    kinds = (RuntimeError, ValueError, TypeError, KeyError, OSError, MemoryError, RecursionError, AssertionError)
    raise chance.choice(kinds)("forced")


def _tellingly(keys: list[bytes], chance: random.Random) -> None:
    """The exception's text contains a key."""
    kinds = (RuntimeError, ValueError, TypeError, KeyError, OSError, AttributeError)
    raise chance.choice(kinds)(chance.choice(NOTATIONS)(chance.choice(keys)))


def _with_a_cause(keys: list[bytes], chance: random.Random) -> None:
    """So do its cause and its notes."""
    try:
        _tellingly(keys, chance)
    except Exception as cause:
        error = RuntimeError("forced, with a cause")
        error.add_note(str(chance.choice(NOTATIONS)(chance.choice(keys))))
        raise error from cause


def _in_a_group(keys: list[bytes], chance: random.Random) -> None:
    told = [ValueError(notation(chance.choice(keys))) for notation in NOTATIONS]
    raise ExceptionGroup("forced, in a group", told)


def _not_as_text(keys: list[bytes], chance: random.Random) -> None:
    key = chance.choice(keys)
    raise UnicodeDecodeError("utf-8", key, 0, 1, f"bad start in {key!r}")


def _as_no_exception(keys: list[bytes], chance: random.Random) -> None:
    class Doom(BaseException):
        pass

    raise Doom(chance.choice(NOTATIONS)(chance.choice(keys)))


def _by_signal(keys: list[bytes], chance: random.Random) -> None:
    """Memory then holds only the keys that the program loaded itself: none are passed here."""
    os.kill(os.getpid(), chance.choice((signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGQUIT)))


FAILURES: dict[str, Callable[[list[bytes], random.Random], None]] = {
    "plain": _plainly,
    "telling": _tellingly,
    "cause": _with_a_cause,
    "group": _in_a_group,
    "text": _not_as_text,
    "base": _as_no_exception,
    "signal": _by_signal,
}


class Saboteur:
    """Watches every call of every thread until it has to fail.

    It begins once the program handles failures: during the few calls before that, no key is loaded.
    """

    def __init__(self, plan: Sabotage) -> None:
        self._plan = plan
        self._left = plan.call

    def watch(self) -> None:
        threading.settrace(self._look)
        sys.settrace(self._look)

    def _look(self, frame: FrameType, event: str, _: object) -> None:
        if self._left <= 0 or event != "call" or self._plan.where not in frame.f_code.co_filename:
            return
        if sys.excepthook is sys.__excepthook__:
            return
        self._left -= 1
        if self._left == 0:
            place = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno} {frame.f_code.co_name}"
            Path(self._plan.mark).write_text(place)
            keys = [] if self._plan.failure == "signal" else self._read_keys()
            FAILURES[self._plan.failure](keys, random.Random(self._plan.seed))

    def _read_keys(self) -> list[bytes]:
        with Path(self._plan.wallets).open(newline="") as rows:
            return [bytes.fromhex(row["privateKey"].removeprefix("0x")) for row in csv.DictReader(rows)]


def main() -> None:
    from ama_tui.cli.main import main as ama_tui

    Saboteur(Sabotage(**json.loads(os.environ.pop(VARIABLE)))).watch()
    ama_tui()


if __name__ == "__main__":
    main()
