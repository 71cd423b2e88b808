"""`python -m tests.crash.canary`: make the program fail 200 times beside real keys, and look for them in all it leaves.

Every command is made to fail inside every room, by exceptions that hold keys and by signals, with core dumps allowed
as far as the system goes; then its output, terminal, state, reports, pictures, cores and temporary files are searched
for any 16 consecutive digits of any key in any notation. The exit code is 1 when one is found.
"""

from __future__ import annotations

import argparse
import csv
import os
import pty
import random
import resource
import select
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from ama_tui.localnet.options import VenueOptions
from ama_tui.localnet.process import VenueProcess
from tests.crash.saboteur import FAILURES, Sabotage
from tests.leaks import traces, traces_below

ROOT = Path(__file__).parents[2]
WALLETS = 3
LIMIT_S = 40.0
AFTERWARDS_S = 2.0
"""How long a program that continues after its failure is left alone: its later output is searched too."""
FEWER_CALLS = 6
"""How often a failure whose moment was not reached is tried again, earlier."""

QUICK = ("--min-delay-ms", "20", "--max-delay-ms", "60", "--wallets", str(WALLETS), "--market", "ETH-USD", "--resume")
DASHBOARD = ("--no-ask", *QUICK)
HEADLESS = ("run", "--headless", "--json", "--until", "3s", *QUICK)
CANCEL_ALL = ("cancel-all", "--market", "ETH-USD", "--json", "--within", "5")
JOURNAL = ("journal", "tail", "--last", "50")
DOCTOR = ("doctor", "--json")
SESSIONS = ("sessions", "list")
CHECK = ("wallets", "check")
SEAL = ("wallets", "seal", "--vault", "{fresh}")
EXPORT = ("wallets", "export", "--dir", "{fresh}", "--password-file", "{password}")
WITHOUT_WALLETS = ("journal", "sessions")
ROOMS: dict[str, tuple[tuple[str, ...], int]] = {
    "ama_tui/ui/": (DASHBOARD, 4000),
    "ama_tui/engine/": (DASHBOARD, 4000),
    "ama_tui/keys/signer": (HEADLESS, 12),
    "ama_tui/venue/permits": (HEADLESS, 20),
    "ama_tui/keys/wallet_csv": (HEADLESS, 60),
    "ama_tui/config/": (HEADLESS, 200),
    "ama_tui/cli/": (HEADLESS, 300),
    "ama_tui/domain/": (HEADLESS, 2000),
    "ama_tui/strategies/": (HEADLESS, 1000),
    "ama_tui/store/": (HEADLESS, 1000),
    "ama_tui/venue/": (CANCEL_ALL, 800),
    "ama_tui/engine": (CANCEL_ALL, 800),
    "ama_tui/store": (JOURNAL, 300),
    "ama_tui/engine/doctor/": (DOCTOR, 200),
    "ama_tui/engine/sessions/registry": (SESSIONS, 60),
    "ama_tui/cli/wallets": (CHECK, 10),
    "ama_tui/keys/vault": (SEAL, 12),
    "ama_tui/keys/keystore": (EXPORT, 12),
    "/textual/": (DASHBOARD, 50_000),
    "/asyncio/": (HEADLESS, 3000),
    "/eth_keys/": (HEADLESS, 40),
}
"""For each part of a path: the command that calls it, and about how often."""


@dataclass
class Result:
    """How many failures were forced, by kind, and the pieces of keys that were found."""

    forced: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    found: list[str] = field(default_factory=list)


class Canary:
    """An operator whose keys must not leak. Everything the program may write to is below `outside`."""

    def __init__(self, venue: Path, home: Path, chance: random.Random) -> None:
        self._chance = chance
        self.outside = home / "outside"
        self._inside = home / "inside"
        for directory in (self.outside, self._inside, self.outside / "tmp"):
            directory.mkdir(parents=True)
        shutil.copy(venue / ".env", self.outside / ".env")
        self._wallets = self._inside / "wallets.csv"
        shutil.copy(venue / "wallets.csv", self._wallets)
        self._password = self._inside / "password"
        self._password.write_text("correct horse battery staple")
        for file in (self._wallets, self._password):
            file.chmod(0o600)
        with self._wallets.open(newline="") as rows:
            self.keys = [bytes.fromhex(row["privateKey"].removeprefix("0x")) for row in csv.DictReader(rows)]
        self._runs = 0

    def force(self, where: str, failure: str, result: Result) -> None:
        """Make the program fail in a file whose path contains `where`, and search everything it left."""
        command, calls = ROOMS[where]
        mark = self._inside / "mark"
        call = max(1, round(calls ** self._chance.random()))
        seed = self._chance.getrandbits(32)
        for _ in range(FEWER_CALLS):
            mark.unlink(missing_ok=True)
            plan = Sabotage(where, call, failure, seed, str(self._wallets), str(mark))
            said = self.run(command, plan.as_environment(), mark, program="tests.crash.saboteur")
            result.found += self._traces(f"{command[0]} {where} {failure} call {call}", said)
            if mark.is_file():
                result.forced[failure] += 1
                return
            call = max(1, call // 4)
        result.missed += 1

    def run(
        self, command: tuple[str, ...], environ: dict[str, str], mark: Path | None = None, program: str = "ama_tui"
    ) -> bytes:
        """Run a command on its own terminal until it ends or is ended; returns its output."""
        self._runs += 1
        words = [one.format(fresh=f"fresh-{self._runs}", password=self._password) for one in command]
        wallets = () if command[0] in WITHOUT_WALLETS else ("--csv", str(self._wallets))
        screen, terminal = pty.openpty()
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "VIRTUAL_ENV") if name in os.environ}
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", program, *words, *wallets],
            cwd=self.outside,
            env={
                **kept,
                "PYTHONPATH": str(ROOT),
                "HOME": str(self.outside),
                "TMPDIR": str(self.outside / "tmp"),
                "AMA_VAULT_PASSWORD_FILE": str(self._password),
                "TERM": "xterm-256color",
                "COLUMNS": "120",
                "LINES": "40",
                **environ,
            },
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
            preexec_fn=_allow_core_dumps,
        )
        os.close(terminal)
        try:
            return _watch(child, screen, mark)
        finally:
            os.close(screen)

    def spoil(self, result: Result) -> None:
        """Break the wallets file in some way and check the program's output."""
        whole = self._wallets.read_bytes()
        how = self._chance.randrange(len(SPOILINGS))
        try:
            self._wallets.write_bytes(SPOILINGS[how](whole, self._chance))
            for command in (HEADLESS, CANCEL_ALL):
                result.found += self._traces(f"wallets file spoiled, {how}", self.run(command, {}))
            result.forced["wallets file"] += 1
        finally:
            self._wallets.write_bytes(whole)

    def picture(self, result: Result) -> None:
        """Have Textual take a screenshot and write its log, which only `--allow-debug` allows."""
        pictures = self.outside / "pictures"
        pictures.mkdir(exist_ok=True)
        environ = {
            "TEXTUAL_SCREENSHOT": "4",
            "TEXTUAL_SCREENSHOT_LOCATION": str(pictures),
            "TEXTUAL_LOG": str(self.outside / "textual.log"),
            "TEXTUAL": "debug",
            "PYTHONASYNCIODEBUG": "1",
        }
        said = self.run((*DASHBOARD, "--allow-debug"), environ)
        assert list(pictures.glob("*.svg")), f"no picture was taken: {said[-2000:]!r}"
        result.found += self._traces("picture", said)
        shutil.rmtree(pictures)

    def _traces(self, what: str, said: bytes) -> list[str]:
        found = [f"{what}: terminal: {one}" for one in traces(said, self.keys)]
        found += [f"{what}: {one}" for one in traces_below(self.outside, self.keys)]
        for core in self.outside.glob("core*"):  # of a signal before any key was loaded: large, and searched
            core.unlink()
        return found


SPOILINGS = (
    lambda whole, chance: whole[: -chance.randint(2, 30)],
    lambda whole, chance: whole.replace(b"privateKey", b"private", 1),
    lambda whole, chance: whole.replace(b"0x", b"0x0", 4),
    lambda whole, chance: whole.replace(b"\n", b"\xff\n", 2),
    lambda whole, chance: whole.replace(b",", b";"),
    lambda whole, chance: whole.replace(b",0x", b',"0x', 3),
    lambda whole, chance: b"\n".join(b",".join(reversed(line.split(b","))) for line in whole.split(b"\n")[1:]),
    lambda whole, chance: whole + whole.split(b"\n", 1)[1],
    lambda whole, chance: whole.replace(b"\n", b""),
    lambda whole, chance: whole.upper().replace(b"A", b"B"),
)


def _allow_core_dumps() -> None:
    hardest = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hardest, hardest))


def _watch(child: subprocess.Popen[bytes], screen: int, mark: Path | None) -> bytes:
    """Read the terminal until the child has ended; one that continues long after its failure is asked to end."""
    said = bytearray()
    began, failed_at, asked_at = time.monotonic(), 0.0, 0.0
    while True:
        ready, _, _ = select.select([screen], [], [], 0.05)
        if ready:
            try:
                piece = os.read(screen, 65_536)
            except OSError:  # the other end was closed
                piece = b""
            said += piece
            if not piece:
                break
        elif child.poll() is not None:
            break
        now = time.monotonic()
        if mark is not None and not failed_at and mark.is_file():
            failed_at = now
        if not asked_at and (now > began + LIMIT_S or (failed_at and now > failed_at + AFTERWARDS_S)):
            asked_at = now
            child.send_signal(signal.SIGTERM)
        if asked_at and now > asked_at + 15.0:
            child.kill()
    with suppress(subprocess.TimeoutExpired):
        child.wait(10.0)
    child.kill()
    child.wait()
    return bytes(said)


def search(crashes: int, seed: int, directory: Path) -> Result:
    """Force this many failures on a local venue, and return what was found."""
    chance = random.Random(seed)
    result = Result()
    with ExitStack() as stack:
        options = VenueOptions(wallets=WALLETS, block_time=0.5, traders=False, seed=seed % 2**32)
        stack.enter_context(VenueProcess.spawn(options, write_dir=directory / "venue"))
        canary = Canary(directory / "venue", directory / "operator", chance)
        canary.run(HEADLESS, {})
        told: set[str] = set()
        wheres, manners = list(ROOMS), list(FAILURES)
        while sum(result.forced.values()) < crashes and result.missed <= crashes:
            number = sum(result.forced.values())
            if number % 10 == 9:
                canary.spoil(result)
            else:
                canary.force(wheres[number % len(wheres)], chance.choice(manners), result)
            print(f"{number + 1} of {crashes} crashes, {len(result.found)} traces", file=sys.stderr, flush=True)
            for one in [one for one in result.found if one not in told]:
                told.add(one)
                print(one, flush=True)
        canary.picture(result)
    return result


def main() -> int:
    """Force the failures and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.canary", description=__doc__)
    parser.add_argument("--crashes", type=int, default=200, help="failures in all [200]")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of what fails where [the time]")
    parser.add_argument("--keep", type=Path, default=None, help="where everything is kept [nowhere]")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", file=sys.stderr)
    with TemporaryDirectory(prefix="ama-canary-") as temporary:
        result = search(arguments.crashes, arguments.seed, arguments.keep or Path(temporary))
    manners = ", ".join(f"{count} {name}" for name, count in sorted(result.forced.items()))
    print(f"{sum(result.forced.values())} crashes ({manners}), {len(result.found)} traces of keys")
    return 1 if result.found or sum(result.forced.values()) < arguments.crashes else 0


if __name__ == "__main__":
    sys.exit(main())
