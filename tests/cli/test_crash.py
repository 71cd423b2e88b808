"""An internal error is one line and a report without keys, on any thread or event loop."""

from __future__ import annotations

import asyncio
import logging
import re
import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ama_tui.cli import crash
from ama_tui.cli.main import cli, main
from ama_tui.cli.signals import Interrupted
from ama_tui.keys.secret_key import SecretKey
from tests.leaks import traces

KEY = bytes.fromhex("c0ffee15900db10cfeedfacecafed00d0123456789abcdef1badb002deadc0de")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def reports(home: Path) -> list[str]:
    return [path.read_text() for path in sorted((home / "ama-tui" / "crashes").glob("*"))]


def fails() -> None:
    private_key = KEY.hex()
    raise RuntimeError(f"cannot use {private_key!r} of {len(private_key)} digits")


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def command(**_: object) -> None:
        raise error

    monkeypatch.setattr(cli, "callback", command)


def caught(fail: Callable[[], None]) -> BaseException:
    with pytest.raises(BaseException) as info:
        fail()
    return info.value


def test_interrupt_that_an_import_turned_into_another_error_is_still_an_interrupt(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Interrupts:
        def __set_name__(self, owner: type, name: str) -> None:
            raise Interrupted

    with pytest.raises((RuntimeError, Interrupted)) as info:
        type("Owner", (), {"part": Interrupts()})
    failing(monkeypatch, info.value)
    with pytest.raises(SystemExit) as ended:
        main(["markets"])
    said = capsys.readouterr()
    assert (ended.value.code, said.out, said.err, reports(home)) == (130, "", "", [])


def test_unexpected_error_is_one_line_that_names_a_private_report(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(monkeypatch, caught(fails))
    with pytest.raises(SystemExit) as ended:
        main(["markets"])
    said = capsys.readouterr()
    assert (ended.value.code, said.out) == (1, "")
    (line,) = said.err.splitlines()
    match = re.fullmatch(
        r"ama-tui: internal error \(RuntimeError at test_crash\.py:\d+\): please send us (.+); "
        r"it contains no keys",
        line,
    )
    assert match is not None, line
    path = Path(match[1])
    assert path.parent == home / "ama-tui" / "crashes"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    text = path.read_text()
    assert "in fails" in text
    assert "RuntimeError: cannot use '…' of 64 digits" in text
    assert traces(text.encode(), [KEY]) == []


@pytest.mark.parametrize("kind", [BaseException, MemoryError, RecursionError, GeneratorExit])
def test_every_kind_of_error_is_caught(
    kind: type[BaseException], home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(monkeypatch, kind(KEY))
    with pytest.raises(SystemExit) as ended:
        main(["markets"])
    said = capsys.readouterr()
    assert ended.value.code == 1
    assert traces("".join([said.out, said.err, *reports(home)]).encode(), [KEY]) == []
    assert "Traceback" not in said.err


def test_interrupt_is_not_an_internal_error(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(monkeypatch, KeyboardInterrupt())
    with pytest.raises(SystemExit) as ended:
        main(["markets"])
    assert (ended.value.code, capsys.readouterr().err.strip(), reports(home)) == (130, "", [])


def in_a_thread() -> None:
    thread = threading.Thread(target=fails)
    thread.start()
    thread.join()


def in_a_task_that_nobody_awaits() -> None:
    async def forget() -> None:
        async def work() -> None:
            fails()

        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        del task

    asyncio.run(forget())


def in_a_callback_of_the_loop() -> None:
    async def call() -> None:
        asyncio.get_running_loop().call_soon(fails)
        await asyncio.sleep(0)

    asyncio.run(call())


def in_a_finalizer() -> None:
    class Odd:
        def __del__(self) -> None:
            fails()

    Odd()


@pytest.mark.parametrize("fail", [in_a_thread, in_a_task_that_nobody_awaits, in_a_callback_of_the_loop, in_a_finalizer])
def test_uncaught_error_is_reported(fail: Callable[[], None], home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.excepthook, threading.excepthook, sys.unraisablehook, list(logging.getLogger().handlers)
    with crash.reported():
        fail()
    assert (sys.excepthook, threading.excepthook, sys.unraisablehook, list(logging.getLogger().handlers)) == before
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("ama-tui: internal error (RuntimeError at test_crash.py:")
    (text,) = reports(home)
    assert "cannot use '…' of 64 digits" in text
    assert traces((line + text).encode(), [KEY]) == []


def test_library_log_messages_are_one_line_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    with crash.reported():
        logging.getLogger("some.library").warning("bad\nvalue %r", KEY)
        logging.getLogger("some.library").info("nobody wants to know")
        unformattable = logging.LogRecord("some.library", logging.WARNING, "", 0, "%d", ("not a number",), None)
        logging.getLogger().handlers[-1].emit(unformattable)
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["ama-tui: some.library: bad value …", "ama-tui: some.library: a warning that cannot be formatted"]


def test_report_that_cannot_be_written_is_printed_instead(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "ama-tui").write_text("in the way")
    crash.report(caught(fails))
    said = capsys.readouterr().err
    assert "cannot write the crash report, so here it is" in said
    assert "in fails" in said
    assert traces(said.encode(), [KEY]) == []


def test_error_whose_text_raises_is_still_reported(home: Path) -> None:
    class OddError(Exception):
        def __str__(self) -> str:
            raise ValueError(KEY.hex())

    crash.report(OddError())
    (text,) = reports(home)
    assert "OddError" in text
    assert traces(text.encode(), [KEY]) == []


def test_error_seen_twice_is_reported_once(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = KeyError("level")
    with crash.reported():
        logging.getLogger("some.room").error("it failed", exc_info=error)
        crash.report(error)
    assert len(capsys.readouterr().err.splitlines()) == len(reports(home)) == 1


def test_only_the_newest_reports_are_kept(home: Path) -> None:
    for number in range(crash.MAX_REPORTS + 5):
        crash.report(RuntimeError(f"number {number}"))
    kept = reports(home)
    assert len(kept) == crash.MAX_REPORTS
    assert "number 24" in kept[-1]
    assert "number 5" in kept[0]


def test_our_own_error_never_shows_a_loaded_key(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from ama_tui.domain.errors import ConfigError

    SecretKey(KEY)
    failing(monkeypatch, ConfigError(f"no market named 0x{KEY.hex()}", f"session 0x{'4b' * 32} is"))
    with pytest.raises(SystemExit):
        main(["markets"])
    assert capsys.readouterr().err == f"ama-tui: no market named 0x…: session 0x{'4b' * 32} is\n"
