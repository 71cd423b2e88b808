"""Plain HTTP to another machine, with every command that connects to a venue."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.cli.conftest import RUN, SYMBOL, StoredRun
from tests.cli.impostor import Relay

COMMANDS = {
    "run": RUN,
    "markets": ("markets",),
    "cancel-all": ("cancel-all", "--market", SYMBOL, "--wallets", "1"),
}


@pytest.fixture
def distant(stored_run: StoredRun) -> Iterator[StoredRun]:
    """The same venue under a name that does not look local. The venue itself does not serve that name."""
    operator = stored_run.operator
    urls = dict(re.findall(r"^(RPC_URL|APP_URL)=(.*)$", (operator.directory / ".env").read_text(), re.MULTILINE))
    with Relay(urls["RPC_URL"]) as node, Relay(urls["APP_URL"]) as api:
        operator.set_env(RPC_URL=f"http://0.0.0.0:{node.port}", APP_URL=f"http://0.0.0.0:{api.port}")
        yield stored_run


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_plain_http_is_refused_with_the_fix(distant: StoredRun, command: tuple[str, ...]) -> None:
    line = distant.operator.ama(*command).refusal(2)
    for name in ("RPC_URL", "APP_URL"):
        assert f"{name} is plain http to another machine: use https, or add --insecure-http (.env)" in line
    distant.assert_untouched()


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_plain_http_works_on_request_with_a_loud_warning(distant: StoredRun, command: tuple[str, ...]) -> None:
    done = distant.operator.ama(*command, "--insecure-http")
    assert done.code == 0, done.err
    for name in ("RPC_URL", "APP_URL"):
        assert re.search(
            rf"{name} http://0\.0\.0\.0:\d+ is not encrypted: anyone on the network path can read", done.err
        )
