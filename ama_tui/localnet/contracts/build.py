"""Compile the contracts: `python -m ama_tui.localnet.contracts.build` rewrites the artifacts.

Needs vyper, which only the `test` extra brings: the artifacts are committed, so that running a
localnet does not need a compiler.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).parent
ARTIFACTS = SOURCES / "artifacts"

CONTRACTS = ("SessionRegistry", "CoreVault", "OrderBook", "Multicall3")

# Where a contract assembles its answers by hand, its ABI is that of an interface file.
INTERFACES = {"Multicall3": "IMulticall3.vyi"}


def compile_contract(name: str) -> dict[str, Any]:
    """The artifact of one contract: `abi`, `bytecode` (to deploy) and `runtime`, as 0x strings.

    Raises subprocess.CalledProcessError when the source does not compile.
    """
    bytecode, runtime, own_abi = _vyper(f"{name}.vy", "bytecode,bytecode_runtime,abi")
    abi = _vyper(INTERFACES[name], "abi")[0] if name in INTERFACES else own_abi
    return {"abi": json.loads(abi), "bytecode": bytecode, "runtime": runtime}


def artifact_path(name: str) -> Path:
    return ARTIFACTS / f"{name}.json"


def main() -> None:
    ARTIFACTS.mkdir(exist_ok=True)
    for name in CONTRACTS:
        artifact_path(name).write_text(json.dumps(compile_contract(name), indent=1) + "\n")
        print(f"{name}: {artifact_path(name)}")


def _vyper(source: str, formats: str) -> list[str]:
    command = [sys.executable, "-m", "vyper.cli.vyper_compile", "-f", formats, source]
    done = subprocess.run(command, cwd=SOURCES, check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


if __name__ == "__main__":
    main()
