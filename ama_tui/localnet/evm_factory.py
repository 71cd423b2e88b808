"""Opens an EVM: pyrevm (Rust, where it has a wheel) or py-evm (pure Python, everywhere)."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

from ama_tui.localnet.evm import Evm
from ama_tui.localnet.node import NodeError
from ama_tui.localnet.options import EngineName


def open_engine(name: EngineName, chain_id: int) -> Evm:
    """Open an EVM with an empty state. `auto` picks pyrevm if it is installed, else py-evm.

    Raises NodeError if the engine is not installed.
    """
    engines: dict[str, tuple[str, Callable[[int], Evm]]] = {
        "pyrevm": ("pyrevm", _pyrevm),
        "py-evm": ("eth", _pyevm),
    }
    candidates = list(engines) if name == "auto" else [name]
    for candidate in candidates:
        module, open_evm = engines[candidate]
        if find_spec(module) is not None:
            return open_evm(chain_id)
    raise NodeError(f"no EVM engine ({' or '.join(candidates)}) is installed", f"pip install {candidates[-1]}")


def _pyrevm(chain_id: int) -> Evm:
    from ama_tui.localnet.evm_pyrevm import PyRevm

    return PyRevm(chain_id)


def _pyevm(chain_id: int) -> Evm:
    from ama_tui.localnet.evm_pyevm import PyEvm

    return PyEvm(chain_id)
