"""The import law: rooms import only rooms below them, no import cycle between files, and no class name twice.

Read from the source, and checked again in fresh interpreters. `python -m tests.test_import_law` prints the rooms.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "ama_tui"

ALLOWED: dict[str, set[str]] = {
    "domain": set(),
    "disk": {"domain"},
    "strategies": {"domain"},
    "config": {"domain", "disk"},
    "keys": {"domain", "disk", "config"},
    "venue": {"domain"},
    "store": {"domain", "disk"},
    "engine": {"domain", "disk", "strategies", "config", "keys", "venue", "store"},
    "ui": {"domain", "strategies", "config", "engine"},
    "localnet": set(),
}
"""For each room, the other rooms it may import. `cli` sees all."""

ENGINE_ORDER = ("reconciliation", "sessions", "execution", "cancel", "run")
"""The sub-rooms of `engine`, lowest first: each may import those before it and the files at the engine's root."""
ENGINE_ALONE = ("doctor",)
"""Sub-rooms that import only the engine's root and themselves, and that no other sub-room imports."""

USES_KEYS = ("engine/connect.py", "engine/connections.py", "engine/doctor/context.py")
"""Besides `keys` and `cli`, the only files that may import `keys`."""

CHAIN = {"web3", "eth_abi", "eth_account", "eth_keys", "coincurve"}
PURE = {"asyncio", "threading", "httpx", "aiohttp", "textual", "pydantic"} | CHAIN
FORBIDDEN: dict[str, set[str]] = {
    "domain": PURE,
    "disk": {"asyncio", "textual", "httpx"},
    "strategies": PURE - {"pydantic"},
    "config": {"textual", "asyncio"},
    "keys": {"textual", "asyncio", "httpx"},
    "venue": {"textual"},
    "store": {"textual", "httpx"},
    "engine": {"textual"},
    "localnet": {"textual"},
}
"""For each room, third-party and standard modules it must not import, anywhere in its files."""


def _imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, in functions and under TYPE_CHECKING too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


def _module(path: Path) -> str:
    name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    return name.removesuffix(".__init__")


def _import_graph() -> dict[str, set[str]]:
    """For each module of the package, the modules of the package that it imports."""
    modules = {_module(path): path for path in PACKAGE.rglob("*.py")}
    graph: dict[str, set[str]] = {}
    for name, path in modules.items():
        targets: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                targets |= {alias.name for alias in node.names if alias.name in modules}
            elif isinstance(node, ast.ImportFrom) and node.module in modules:
                for alias in node.names:
                    submodule = f"{node.module}.{alias.name}"
                    targets.add(submodule if submodule in modules else node.module)
        graph[name] = targets - {name}
    return graph


def _cycles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """The modules that import each other, directly or through others: Tarjan's strongly connected components."""
    index: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    cycles: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = lowest[name] = len(index)
        stack.append(name)
        for target in graph.get(name, ()):
            if target not in index:
                visit(target)
                lowest[name] = min(lowest[name], lowest[target])
            elif target in stack:
                lowest[name] = min(lowest[name], index[target])
        if lowest[name] == index[name]:
            component = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(component) > 1:
                cycles.append(sorted(component))

    for name in graph:
        if name not in index:
            visit(name)
    return cycles


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


def test_every_sub_room_of_the_engine_has_a_place_in_its_order() -> None:
    sub_rooms = {path.parent.name for path in (PACKAGE / "engine").glob("*/__init__.py")}
    assert sub_rooms == {*ENGINE_ORDER, *ENGINE_ALONE}


@pytest.mark.parametrize("sub_room", ["", *ENGINE_ORDER, *ENGINE_ALONE])
def test_sub_room_of_the_engine_imports_only_those_below_it(sub_room: str) -> None:
    folder = PACKAGE / "engine" / sub_room
    below = set(ENGINE_ORDER[: ENGINE_ORDER.index(sub_room)]) if sub_room in ENGINE_ORDER else set()
    above = {*ENGINE_ORDER, *ENGINE_ALONE} - below - {sub_room}
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in sorted(folder.glob("*.py"))
        for name in _imports(path)
        if name.startswith("ama_tui.engine.") and name.split(".")[2] in above
    ]
    assert wrong == []


def test_only_connection_code_and_commands_import_keys() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in PACKAGE.rglob("*.py")
        for name in _imports(path)
        if name.split(".")[:2] == ["ama_tui", "keys"]
        and path.relative_to(PACKAGE).parts[0] not in ("keys", "cli")
        and path.relative_to(PACKAGE).as_posix() not in USES_KEYS
    ]
    assert wrong == []


def test_widgets_do_not_import_the_engine() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in _files("ui/widgets")
        for name in _imports(path)
        if name.startswith(("ama_tui.engine", "ama_tui.domain.event", "ama_tui.ui.app", "ama_tui.ui.bridge"))
    ]
    assert wrong == []


def test_no_files_of_the_package_import_each_other_in_a_cycle() -> None:
    assert _cycles(_import_graph()) == []


def test_import_cycle_is_detected_through_any_number_of_files() -> None:
    assert _cycles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]


def test_no_two_public_classes_share_a_name() -> None:
    homes: defaultdict[str, list[str]] = defaultdict(list)
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(_module(path))
    assert {name: modules for name, modules in homes.items() if len(modules) > 1} == {}


@pytest.mark.parametrize("room", sorted(FORBIDDEN))
def test_room_imports_only_its_own_kind_of_libraries(room: str) -> None:
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


def test_wallets_are_located_before_the_first_frame_without_decryption_libraries(tmp_path: Path) -> None:
    path = tmp_path / "wallets.csv"
    path.touch(0o600)
    code = (
        "from pathlib import Path\nfrom ama_tui.cli.arguments import Arguments\n"
        f"from ama_tui.cli.wiring import wallets_source\nwallets_source(Arguments(csv=Path({str(path)!r})))"
    )
    assert _modules_loaded_by(code) & (CHAIN | {"cryptography", "keyring", "eth_keyfile", "textual", "httpx"}) == set()


def test_engine_loads_without_the_screen() -> None:
    assert "textual" not in _modules_loaded_by("import ama_tui.engine.run.run")


def _print_rooms() -> None:
    """Print each room with the rooms that it imports, and the engine's sub-rooms in their order."""
    for room in [*sorted(ALLOWED, key=lambda name: len(ALLOWED[name])), "cli"]:
        used = {name.split(".")[1] for path in _files(room) for name in _imports(path) if name.startswith("ama_tui.")}
        print(f"{room:11} {len(_files(room)):3} files  imports {', '.join(sorted(used - {room})) or 'no other room'}")
    print(f"engine's sub-rooms, lowest first: {' ← '.join(ENGINE_ORDER)}; alone: {', '.join(ENGINE_ALONE)}")


if __name__ == "__main__":
    _print_rooms()
