"""The extra `demo`: the packages that only the local test venue needs."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

from ama_tui.domain.errors import ConfigError

INSTALL: Final = "pip install 'ama-tui[demo]'"
LIBRARIES: Final = ("eth_abi", "eth_account", "eth_typing", "rlp")
"""Import names of the libraries that the local venue needs besides an EVM."""
EVMS: Final = ("pyrevm", "eth")
"""Import names of the two EVMs; either is enough."""


def is_demo_installed() -> bool:
    """Whether this installation can run the local test venue. Imports nothing."""
    return all(map(_is_installed, LIBRARIES)) and any(map(_is_installed, EVMS))


def require_demo() -> None:
    """Raises ConfigError with the command that installs the extra, if it is missing."""
    if not is_demo_installed():
        raise ConfigError("the local test venue is not installed", INSTALL)


def _is_installed(module: str) -> bool:
    return find_spec(module) is not None
