"""Imports go down only. The law is read from the source, and proven once more in a fresh interpreter."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "ama_tui"

ALLOWED: dict[str, set[str]] = {
    "domain": set(),
    "strategies": {"domain"},
    "disk": {"domain"},
    "config": {"domain", "disk"},
    "keys": {"domain", "disk", "config", "venue"},
    "venue": {"domain"},
    "store": {"domain", "disk"},
    "engine": {"domain", "disk", "strategies", "config", "keys", "venue", "store"},
    "ui": {"domain", "strategies", "config", "venue", "store", "engine"},
    "localnet": set(),
}
"""For each room, the other rooms it may import. `cli` sees all."""

CHAIN = {"web3", "eth_abi", "eth_account", "eth_keys", "coincurve"}
PURE = {"asyncio", "threading", "httpx", "aiohttp", "textual", "pydantic"} | CHAIN
FORBIDDEN: dict[str, set[str]] = {
    "domain": PURE,
    "strategies": PURE,
    "config": {"textual", "asyncio"},
    "venue": {"textual"},
    "store": {"textual", "httpx"},
    "engine": {"textual"},
    "localnet": {"textual"},
}
"""For each room, third-party and standard modules it must not import, anywhere in its files."""


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


def _files(room: str) -> list[Path]:
    return sorted((PACKAGE / room).rglob("*.py"))


def test_every_room_of_the_package_is_under_the_law() -> None:
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms - {"cli"} == set(ALLOWED)


@pytest.mark.parametrize("room", sorted(ALLOWED))
def test_room_imports_only_rooms_below_it(room: str) -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in _files(room)
        for name in _imports(path)
        if name.startswith("ama_tui.") and name.split(".")[1] not in ALLOWED[room] | {room}
    ]
    assert wrong == []


@pytest.mark.parametrize("room", sorted(FORBIDDEN))
def test_room_keeps_to_its_own_kind_of_libraries(room: str) -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in _files(room)
        for name in _imports(path)
        if name.split(".")[0] in FORBIDDEN[room]
    ]
    assert wrong == []


@pytest.mark.parametrize("room", ["", *sorted(ALLOWED)])
def test_package_init_imports_no_application_code(room: str) -> None:
    assert [name for name in _imports(PACKAGE / room / "__init__.py") if name.startswith("ama_tui")] == []


def _modules_loaded_by(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(chr(10).join(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.split(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["run", "--help"], ["wallets", "--help"]])
def test_help_and_version_load_neither_screen_nor_chain_libraries(arguments: list[str]) -> None:
    code = f"from ama_tui.cli.main import main\ntry:\n    main({arguments!r})\nexcept SystemExit:\n    pass"
    assert _modules_loaded_by(code) & {"textual", "eth_account", "eth_abi", "aiohttp", "httpx", "pyrevm"} == set()


def test_dashboard_starts_without_chain_libraries() -> None:
    assert _modules_loaded_by("import ama_tui.ui.app") & {"eth_account", "eth_abi", "coincurve", "httpx"} == set()


def test_wallets_are_found_before_the_first_frame_without_anything_that_decrypts(tmp_path: Path) -> None:
    path = tmp_path / "wallets.csv"
    path.touch(0o600)
    code = (
        "from pathlib import Path\nfrom ama_tui.cli.arguments import Arguments\n"
        f"from ama_tui.cli.wiring import wallets_source\nwallets_source(Arguments(csv=Path({str(path)!r})))"
    )
    assert _modules_loaded_by(code) & (CHAIN | {"cryptography", "keyring", "eth_keyfile", "textual", "httpx"}) == set()


def test_engine_loads_without_the_screen() -> None:
    assert "textual" not in _modules_loaded_by("import ama_tui.engine.run.run")
