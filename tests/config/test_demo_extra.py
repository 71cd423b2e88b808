"""The `demo` extra covers what the local venue imports; its absence is reported in one line."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ama_tui.config import demo_extra
from ama_tui.domain.errors import ConfigError

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def imported_packages(*rooms: Path) -> set[str]:
    """The third-party distributions that the files of these directories import."""
    modules: set[str] = set()
    for path in (path for room in rooms for path in room.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                modules.add((node.module or "").split(".")[0])
    distributions = packages_distributions()
    return {
        canonicalize_name(name)
        for module in modules - sys.stdlib_module_names - {"ama_tui"}
        for name in distributions[module]
    }


def required(texts: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(text).name) for text in texts}


BASE = required(PROJECT["dependencies"])
DEMO = required(PROJECT["optional-dependencies"]["demo"])
OPTIONAL = required(PROJECT["optional-dependencies"]["keyring"])
BUILD_ONLY = {"vyper"}


def test_localnet_imports_only_what_the_extra_or_the_base_install_provides() -> None:
    assert imported_packages(ROOT / "ama_tui" / "localnet") - BUILD_ONLY <= BASE | DEMO


def test_everything_else_imports_only_what_the_base_install_provides() -> None:
    rooms = [path.parent for path in (ROOT / "ama_tui").glob("*/__init__.py") if path.parent.name != "localnet"]
    assert imported_packages(*rooms) <= BASE | OPTIONAL


def test_extra_provides_nothing_that_the_base_install_has() -> None:
    assert DEMO.isdisjoint(BASE)


def test_check_covers_every_package_of_the_extra() -> None:
    modules = {*demo_extra.LIBRARIES, *demo_extra.EVMS}
    distributions = packages_distributions()
    assert {canonicalize_name(name) for module in modules for name in distributions[module]} == DEMO


def test_extra_is_installed_in_the_test_environment() -> None:
    assert demo_extra.is_demo_installed()
    demo_extra.require_demo()


@pytest.mark.parametrize(
    "missing", [{"rlp"}, {"eth_abi"}, {"pyrevm", "eth"}], ids=lambda names: "+".join(sorted(names))
)
def test_missing_extra_is_reported_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, missing: set[str]
) -> None:
    monkeypatch.setattr(demo_extra, "_is_installed", lambda module: module not in missing)
    with pytest.raises(ConfigError) as caught:
        demo_extra.require_demo()
    assert re.fullmatch(r"the local test venue is not installed: pip install 'ama-tui\[demo\]'", str(caught.value))
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("missing", ["pyrevm", "eth"])
def test_either_evm_is_enough(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setattr(demo_extra, "_is_installed", lambda module: module != missing)
    assert demo_extra.is_demo_installed()
