"""Fault rules: validation, and conversion from and to JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.localnet.faults.kinds import KINDS
from ama_tui.localnet.faults.mix import chaos
from ama_tui.localnet.faults.rules import MOST_RULES, FaultRule, Faults, FaultsError, read_faults
from ama_tui.localnet.options import VenueOptions, read_options

SECONDS = st.floats(0, 1000)
RANGES = st.tuples(SECONDS, SECONDS).map(lambda pair: (min(pair), max(pair)))
BLOCKS = st.tuples(st.integers(1, 3), st.integers(1, 3)).map(lambda pair: (min(pair), max(pair)))


@st.composite
def rules(draw: st.DrawFn) -> FaultRule:
    name = draw(st.sampled_from(sorted(KINDS)))
    kind = KINDS[name]
    return FaultRule(
        name,
        on=tuple(draw(st.lists(st.sampled_from(kind.can), unique=True))),
        rate=draw(st.floats(0, 1)),
        nth=tuple(draw(st.lists(st.integers(1, 10**6), max_size=3))),
        during=draw(st.none() | RANGES),
        lasts=draw(st.none() | RANGES),
        seconds=draw(st.none() | RANGES) if kind.seconds else None,
        blocks=draw(st.none() | BLOCKS) if kind.blocks else None,
    )


@given(st.lists(rules(), max_size=5), st.integers(-(2**60), 2**60))
def test_faults_survive_json_alone_and_as_an_option(each: list[FaultRule], seed: int) -> None:
    faults = Faults(tuple(each), seed)
    assert read_faults(json.loads(json.dumps(faults.as_json()))) == faults
    options = VenueOptions(wallets=3, faults=faults)
    assert read_options(json.dumps(asdict(options))) == options


def test_options_without_faults_have_none() -> None:
    assert read_options(json.dumps(asdict(VenueOptions(wallets=2)))) == VenueOptions(wallets=2)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_rule_takes_defaults_from_its_fault(name: str) -> None:
    rule, kind = FaultRule(name), KINDS[name]
    assert (rule.on, rule.seconds, rule.blocks) == (kind.on, kind.seconds, kind.blocks)
    assert set(kind.on) <= set(kind.can)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "faults must be a JSON object"),
        ({"colour": 1}, "faults: no field 'colour'"),
        ({"rules": {}}, "rules must be a list"),
        ({"seed": "1"}, "seed must be a whole number"),
        ({"seed": True}, "seed must be a whole number"),
        ({"rules": ["delay"]}, r"rules\[0\] must be a JSON object"),
        ({"rules": [{}]}, r"rules\[0\]: fault must be a name"),
        ({"rules": [{"fault": "nova"}]}, r"rules\[0\]: no fault 'nova': use one of delay"),
        ({"rules": [{"fault": "delay"}, {"fault": "delay", "often": 1}]}, r"rules\[1\]: no field 'often'"),
        ({"rules": [{"fault": "delay", "rate": 5}]}, "rate must be from 0 to 1, not 5"),
        ({"rules": [{"fault": "delay", "rate": "all"}]}, "rate must be a number"),
        ({"rules": [{"fault": "delay", "rate": True}]}, "rate must be a number"),
        ({"rules": [{"fault": "delay", "nth": [0]}]}, "nth counts from 1"),
        ({"rules": [{"fault": "delay", "nth": 3}]}, "nth must be a list of whole numbers"),
        ({"rules": [{"fault": "delay", "on": ["moon"]}]}, "on must be a list from place"),
        ({"rules": [{"fault": "delay", "on": ["block"]}]}, "delay cannot affect 'block'"),
        ({"rules": [{"fault": "delay", "seconds": [2, 1]}]}, "seconds must be two numbers in increasing order"),
        ({"rules": [{"fault": "delay", "seconds": [-1, 1]}]}, "seconds must be two numbers"),
        ({"rules": [{"fault": "delay", "seconds": [1]}]}, "seconds must be a list of two numbers"),
        ({"rules": [{"fault": "delay", "during": [0, 10**400]}]}, "during must be two numbers"),
        ({"rules": [{"fault": "lose_reply", "seconds": [1, 2]}]}, "lose_reply has no seconds"),
        ({"rules": [{"fault": "delay", "blocks": [1, 2]}]}, "delay has no blocks"),
        ({"rules": [{"fault": "reorg", "blocks": [1, 4]}]}, "blocks must be from 1 to 3"),
        ({"rules": [{"fault": "reorg", "blocks": [0, 1]}]}, "blocks must be from 1 to 3"),
        ({"rules": [{"fault": "replicas", "blocks": [0, 6]}]}, "blocks must be from 0 to 5"),
        ({"rules": [{"fault": "reorg", "blocks": [1]}]}, "blocks must be a list of two numbers"),
        ({"rules": [{"fault": "reorg"}] * (MOST_RULES + 1)}, "at most 100 rules"),
    ],
)
def test_invalid_faults_are_refused_in_one_line(body: Any, message: str) -> None:
    with pytest.raises(FaultsError, match=message) as caught:
        read_faults(body)
    assert "\n" not in str(caught.value)


def test_only_block_faults_need_past_states_and_only_node_faults_the_embedded_node() -> None:
    assert Faults((FaultRule("lag"),)).needs_old_states
    assert Faults((FaultRule("reorg"),)).needs_old_states
    assert not Faults((FaultRule("rpc_error"),)).needs_old_states
    assert Faults((FaultRule("delay", on=("get", "rpc")),)).needs_own_node
    assert not Faults((FaultRule("delay"),)).needs_own_node


@pytest.mark.parametrize("settle_after", [1.0, 8.0, 60.0, 600.0])
def test_chaos_is_late_only_well_within_settle_after(settle_after: float) -> None:
    (late,) = [rule for rule in chaos(1, settle_after=settle_after).rules if rule.fault == "late"]
    assert late.seconds is not None
    assert 0 < late.seconds[0] <= late.seconds[1] <= min(settle_after / 2, 20)


def test_chaos_has_all_faults_except_those_no_client_can_survive() -> None:
    left_out = set(KINDS) - {rule.fault for rule in chaos(1).rules}
    assert left_out == {"slow", "out_of_funds", "later", "orders_cut", "orders_sparse", "orders_cached"}
    assert not chaos(1, own_node=False).needs_own_node
