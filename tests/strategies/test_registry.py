from __future__ import annotations

import pytest

from ama_tui.domain.errors import ParameterError
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.plan import CollateralBasis, Rules
from ama_tui.domain.session import Methods
from ama_tui.strategies.packer import Packer
from ama_tui.strategies.registry import names, strategy


def test_packer_is_registered_by_name() -> None:
    parameters = Parameters(orders_per_side=3)
    chosen = strategy("packer", parameters, Rules.ORIGINAL, CollateralBasis.GROSS)
    assert chosen == Packer(parameters, Rules.ORIGINAL, CollateralBasis.GROSS)
    assert chosen.name == "packer"
    assert "packer" in names()


def test_packer_needs_only_margin_limit_modify_and_cancel() -> None:
    chosen = strategy("packer", Parameters(), Rules.EVEN, CollateralBasis.NET)
    assert chosen.methods == Methods.PLACE_MARGIN_LIMIT | Methods.MODIFY | Methods.CANCEL


def test_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ParameterError) as raised:
        strategy("pakcer", Parameters(), Rules.EVEN, CollateralBasis.NET)
    assert str(raised.value) == "unknown strategy 'pakcer': choose one of: packer"
