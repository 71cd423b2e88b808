"""The committed artifacts are what the sources compile to."""

from __future__ import annotations

import json

import pytest

from ama_tui.localnet.contracts.build import CONTRACTS, SOURCES, artifact_path, compile_contract


@pytest.mark.parametrize("contract", CONTRACTS)
def test_artifact_is_what_the_source_compiles_to(contract: str) -> None:
    committed = json.loads(artifact_path(contract).read_text())
    assert committed == compile_contract(contract), "run: python -m ama_tui.localnet.contracts.build"


def test_every_source_has_an_artifact_and_vice_versa() -> None:
    contracts = {path.stem for path in SOURCES.glob("*.vy") if path.stem[0].isupper()}  # others are modules
    assert contracts == set(CONTRACTS)
    assert {path.stem for path in (SOURCES / "artifacts").iterdir()} == set(CONTRACTS)


@pytest.mark.parametrize("contract", CONTRACTS)
def test_contract_fits_under_the_code_size_limit(contract: str) -> None:
    runtime = json.loads(artifact_path(contract).read_text())["runtime"]
    assert len(runtime) // 2 - 1 <= 24_576
