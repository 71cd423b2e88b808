"""Compiles the contracts: `python -m ama_tui.localnet.contracts.build` rewrites the artifacts.

Needs vyper from the `test` extra. The artifacts are committed, so running a venue needs no compiler.
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

# Contracts that encode their return data by hand take their ABI from an interface file.
INTERFACES = {"Multicall3": "IMulticall3.vyi"}


def compile_contract(name: str) -> dict[str, Any]:
    """Compile one contract to its `abi`, `bytecode` (to deploy) and `runtime`, the latter two as 0x strings.

    Raises subprocess.CalledProcessError if the source does not compile.
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
