"""URLs with secrets, through all output and every file written."""

from __future__ import annotations

import re

import pytest

from tests.e2e.operator import PACK, Operator
from tests.e2e.venues import NewOperator, ServedVenue

SECRET = "5ec7e7pa55w0rdX9"
SMALL = ("--wallets", "1", "--orders-per-side", "1")


@pytest.fixture
def operator(operators: NewOperator, shared_venue: ServedVenue) -> Operator:
    one = operators(shared_venue)
    urls = dict(re.findall(r"^(RPC_URL|APP_URL)=(.*)$", (one.directory / ".env").read_text(), re.MULTILINE))
    with_user = {name: url.replace("http://", f"http://ada:{SECRET}@") for name, url in urls.items()}
    one.set_env(RPC_URL=f"{with_user['RPC_URL']}/?apikey={SECRET}", APP_URL=with_user["APP_URL"])
    return one


def said_and_kept(operator: Operator) -> str:
    files = [path for path in operator.directory.rglob("*") if path.is_file() and path.name != ".env"]
    said = operator.directory.with_name(operator.directory.name + "-said")
    return "\n".join(path.read_text(errors="replace") for path in [*files, *said.rglob("*")])


def test_no_command_shows_or_stores_url_secrets(operator: Operator) -> None:
    market = ("--market", "ATOM-USD")
    operator.ama(*PACK, *market, *SMALL).packed()
    for command in (
        ("markets", "--json"),
        ("run", "--dry-run", "--json", *market, *SMALL),
        ("cancel-all", *market, "--wallets", "1", "--json"),
        ("journal", "tail"),
    ):
        assert operator.ama(*command).code == 0
    operator.set_env(CHAIN_ID="999")
    assert "CHAIN_ID" in operator.ama("run", "--dry-run", *market, *SMALL).err
    operator.set_env(RPC_URL=f"http://ada:{SECRET}@127.0.0.1:1/v2/{SECRET}/{SECRET}?key={SECRET}#{SECRET}")
    assert "RPC_URL http://…@127.0.0.1:1/v2/…/…?… failed" in operator.ama(*PACK, *market, *SMALL).refusal(3)
    operator.set_env(RPC_URL=f"ftp://{SECRET}", APP_URL=SECRET)
    assert "RPC_URL is not a URL" in operator.ama("run", "--headless").refusal(2)
    assert SECRET not in said_and_kept(operator)
