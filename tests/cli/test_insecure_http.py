"""Plain http to another machine, from every command that reaches a venue."""

from __future__ import annotations

import re

import pytest

from tests.cli.conftest import RUN, SYMBOL, StoredRun
from tests.e2e.operator import Operator

COMMANDS = {
    "run": RUN,
    "markets": ("markets",),
    "cancel-all": ("cancel-all", "--market", SYMBOL, "--wallets", "1"),
}


def leave_this_machine(operator: Operator) -> None:
    """Reach the same venue by a name that does not say that it is on this machine."""
    file = operator.directory / ".env"
    urls = dict(re.findall(r"^(RPC_URL|APP_URL)=(.*)$", file.read_text(), re.MULTILINE))
    operator.set_env(**{name: url.replace("127.0.0.1", "0.0.0.0") for name, url in urls.items()})


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_it_is_refused_with_what_to_do(stored_run: StoredRun, command: tuple[str, ...]) -> None:
    leave_this_machine(stored_run.operator)
    line = stored_run.operator.ama(*command).refusal(2)
    for name in ("RPC_URL", "APP_URL"):
        assert f"{name} is plain http to another machine: use https, or add --insecure-http (.env)" in line
    stored_run.assert_untouched()


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_where_it_is_asked_for_it_works_and_says_so_loudly(stored_run: StoredRun, command: tuple[str, ...]) -> None:
    leave_this_machine(stored_run.operator)
    done = stored_run.operator.ama(*command, "--insecure-http")
    assert done.code == 0, done.err
    for name in ("RPC_URL", "APP_URL"):
        assert re.search(
            rf"{name} http://0\.0\.0\.0:\d+ is not encrypted: anyone on the network path can read", done.err
        )
