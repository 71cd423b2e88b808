"""Selectors and topics, compared with eth_utils."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from eth_utils.abi import event_signature_to_log_topic, function_signature_to_4byte_selector

from ama_tui.venue import contract_abi as abi

SOURCE = Path(abi.__file__).read_text(encoding="utf-8")
TABLE = re.findall(r'^([A-Z0-9_]+) = (selector|topic)\("(.+)"\)$', SOURCE, re.MULTILINE)


@pytest.mark.parametrize(("name", "kind", "signature"), TABLE)
def test_table_entry_matches_eth_utils(name: str, kind: str, signature: str) -> None:
    if kind == "selector":
        assert getattr(abi, name) == function_signature_to_4byte_selector(signature)
    else:
        assert getattr(abi, name) == "0x" + event_signature_to_log_topic(signature).hex()


def test_well_known_selectors() -> None:
    assert len(TABLE) == 23
    assert abi.AGGREGATE3.hex() == "82ad56cb"
    assert abi.ERROR_STRING.hex() == "08c379a0"
    assert abi.PANIC.hex() == "4e487b71"


def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match="not an address"):
        abi.address_word("0x12")
    with pytest.raises(ValueError, match="not 32 bytes"):
        abi.bytes32_word("0x12")
    with pytest.raises(OverflowError):
        abi.uint_word(-1)
