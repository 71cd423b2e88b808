"""A venue with one thing wrong produces one line that says which."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ama_tui.domain.session import ZERO_ADDRESS
from ama_tui.engine.doctor.result import CheckStatus
from ama_tui.localnet.keys import derive_wallet
from ama_tui.venue.permits import relayer_root
from tests.cli.impostor import HTML, NO_MARKETS, Answer, Impostor
from tests.engine.doctor.conftest import Surgery
from tests.engine.doctor.meddler import Meddler
from tests.localnet.venue_client import client_of
from tests.venue.fake_node import MULTICALL

DEAD = "http://127.0.0.1:1"
NODE_CHECKS = [
    "RPC",
    "chain id",
    "block age",
    "clock",
    "second node",
    "push",
    "Multicall3",
    "registry",
    "vault",
    "collateral",
    "sessions",
]
API_CHECKS = ["API", "market", "relayers", "vault", "collateral"]


def block_at(seconds: float) -> Meddler:
    """A node whose latest block is this old (negative: in the future)."""
    return Meddler(
        rpc={"eth_getBlockByNumber": lambda _, block: {**block, "timestamp": hex(int(time.time() - seconds))}}
    )


def no_code_at(address: str) -> Meddler:
    return Meddler(rpc={"eth_getCode": lambda asked, code: "0x" if asked[0].lower() == address else code})


async def test_healthy_venue_is_all_ok(surgery: Surgery) -> None:
    report = await surgery.look()
    report.assert_all_ok()
    found = {name: result.text for name, result in report.results.items()}
    venue = surgery.rig.venue
    assert f"RPC_URL {venue.rpc_url} (.env)" in found["environment"]
    assert f"SESSION_REGISTRY_ADDRESS {venue.registry.lower()} (.env)" in found["environment"]
    assert found["chain id"] == "31337"
    assert found["wallets"].startswith("3 wallets in ")
    assert found["wallets"].endswith("(mode 0600)")
    assert found["collateral"].startswith("30,000.00 USDC")
    assert found["sessions"] == "none yet"
    assert not (surgery.rig.directory / "state").exists(), "looking leaves nothing behind"


async def test_first_market_is_checked_when_none_is_named(surgery: Surgery) -> None:
    report = await surgery.look(market=None)
    report.assert_all_ok()
    assert report.results["market"].text.startswith("ETH-USD")


async def test_dead_node_fails_once_and_its_dependents_are_skipped(surgery: Surgery) -> None:
    surgery.environ["RPC_URL"] = f"{DEAD}/v2/0123456789abcdef"
    report = await surgery.look()
    assert report.only("RPC").text.startswith(f"RPC_URL {DEAD}/v2/… failed")
    assert report.of(CheckStatus.SKIP) == NODE_CHECKS[1:]
    assert {report.results[name].text for name in NODE_CHECKS[1:]} == {"not checked: node not reachable"}


async def test_dead_api_fails_once_and_its_dependents_are_skipped(surgery: Surgery) -> None:
    surgery.environ["APP_URL"] = DEAD
    report = await surgery.look()
    report.only("API")
    assert report.of(CheckStatus.SKIP) == API_CHECKS[1:]
    assert report.results["market"].text == "not checked: API not reachable"


async def test_url_secret_echoed_by_the_server_stays_out_of_the_report(surgery: Surgery) -> None:
    secret = "5ecre7" * 4
    with Impostor(Answer(f"Cannot POST /v3/{secret}", status=404)) as impostor:
        surgery.environ["RPC_URL"] = f"{impostor.url}/v3/{secret}"
        report = await surgery.look()
    assert "Cannot POST /v3/…" in report.only("RPC").text
    assert secret not in str(report)


@pytest.mark.parametrize("name", ["RPC", "API"])
async def test_html_response_is_quoted_on_one_line(surgery: Surgery, name: str) -> None:
    with Impostor(HTML) as impostor:
        surgery.environ["RPC_URL" if name == "RPC" else "APP_URL"] = impostor.url
        found = (await surgery.look()).only(name).text
    assert "502 Bad Gateway" in found
    assert found.isprintable()


async def test_slow_node_is_a_warning(surgery: Surgery) -> None:
    report = await surgery.look(node=Meddler(slow={"eth_getBlockByNumber": 1.1}))
    assert "block" in report.only("RPC", CheckStatus.WARN).text


async def test_wrong_chain_id_fails_and_the_other_checks_use_the_nodes_chain(
    surgery: Surgery,
) -> None:
    surgery.environ["CHAIN_ID"] = "999"
    report = await surgery.look()
    assert report.only("chain id").text == "CHAIN_ID is 999, but the node reports 31337"
    assert report.of(CheckStatus.SKIP) == []


@pytest.mark.parametrize(("age", "status"), [(60, CheckStatus.WARN), (3600, CheckStatus.FAIL)])
async def test_stalled_chain_is_reported_with_the_age_of_its_last_block(
    surgery: Surgery, age: int, status: CheckStatus
) -> None:
    assert "s old" in (await surgery.look(node=block_at(age))).only("block age", status).text


@pytest.mark.parametrize(("off", "status"), [(20, CheckStatus.WARN), (-20, CheckStatus.WARN), (3600, CheckStatus.FAIL)])
async def test_wrong_clock_is_reported_as_such_not_as_an_old_block(
    surgery: Surgery, off: int, status: CheckStatus
) -> None:
    node = block_at(-off)
    node.clock_s = off
    found = (await surgery.look(node=node)).only("clock", status).text
    assert ("behind the node's" if off > 0 else "ahead of the node's") in found


async def test_without_a_date_header_blocks_are_compared_with_our_clock(surgery: Surgery) -> None:
    node = block_at(0)
    node.names_time = False
    assert "reports no time" in (await surgery.look(node=node)).results["clock"].text
    node = block_at(-3600)
    node.names_time = False
    assert "ahead of this machine's clock" in (await surgery.look(node=node)).only("clock").text


async def test_second_node_that_responds_is_ok(surgery: Surgery) -> None:
    surgery.environ["RPC_URL_CHECK"] = surgery.rig.venue.rpc_url
    report = await surgery.look()
    report.assert_all_ok()
    assert report.results["second node"].text.startswith("responds, block ")


async def test_second_node_that_is_dead_on_another_chain_or_far_behind_is_reported(surgery: Surgery) -> None:
    surgery.environ["RPC_URL_CHECK"] = "http://127.0.0.1:9"
    assert (await surgery.look()).only("second node").text.startswith("no kill can be proven: RPC_URL_CHECK ")
    for method, answer, status, text in (
        ("eth_chainId", "0x1", CheckStatus.FAIL, "RPC_URL_CHECK on chain 1"),
        ("eth_blockNumber", "0xffff", CheckStatus.WARN, "RPC_URL_CHECK at block 65,535"),
    ):
        lie = Meddler(rpc={method: lambda *_, answer=answer: answer})
        async with lie.between(surgery.rig.venue.rpc_url) as surgery.environ["RPC_URL_CHECK"]:
            assert text in (await surgery.look()).only("second node", status).text


async def test_silent_websocket_fails_and_a_working_one_is_ok(surgery: Surgery) -> None:
    assert (await surgery.look()).results["push"].text == "accepts subscriptions"
    surgery.environ["RPC_WS_URL"] = "ws://127.0.0.1:9"
    assert (await surgery.look()).only("push").text == "RPC_WS_URL ws://127.0.0.1:9: cannot connect"


async def test_missing_multicall3_is_a_warning_and_reads_still_work(surgery: Surgery) -> None:
    report = await surgery.look(node=no_code_at(MULTICALL))
    assert "JSON-RPC batches" in report.only("Multicall3", CheckStatus.WARN).text
    assert report.results["collateral"].status is CheckStatus.OK


@pytest.mark.parametrize("address", ["0x" + "11" * 20, "vault"])
async def test_address_that_is_not_a_registry_fails(surgery: Surgery, address: str) -> None:
    surgery.environ["SESSION_REGISTRY_ADDRESS"] = surgery.rig.venue.vault if address == "vault" else address
    report = await surgery.look()
    found = report.only("registry").text
    assert ("is not a session registry" if address == "vault" else "no contract at") in found
    assert report.of(CheckStatus.SKIP) == ["sessions"]


async def test_venue_without_markets_fails_the_api_check(surgery: Surgery) -> None:
    with Impostor(NO_MARKETS) as impostor:
        surgery.environ["APP_URL"] = impostor.url
        report = await surgery.look()
    assert report.results["API"].text == "the venue lists no markets"
    assert report.of(CheckStatus.FAIL) == ["API"]


async def test_unlisted_market_fails(surgery: Surgery) -> None:
    report = await surgery.look(market="NO-SUCH\x1b[31m")
    assert report.only("market").text == r"no market named 'NO-SUCH\x1b[31m'"
    assert report.of(CheckStatus.SKIP) == ["vault", "collateral"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"relayerSetRoot": "0x" + "22" * 32}, "does not match its relayers"),
        ({"relayerAddresses": []}, "has no relayers"),
    ],
    ids=["root", "empty"],
)
async def test_relayer_set_that_does_not_match_its_root_fails(
    surgery: Surgery, change: dict[str, object], says: str
) -> None:
    def changed(body: dict[str, Any]) -> dict[str, Any]:
        return {**body, **change}

    report = await surgery.look(api=Meddler(api={"/api/gasless/session/relayer-set": changed}))
    assert says in report.only("relayers").text


async def test_market_that_is_not_an_order_book_fails_the_vault_check(surgery: Surgery) -> None:
    def elsewhere(body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "markets": [{**body["markets"][0], "market_address": "0x" + "33" * 20}]}

    report = await surgery.look(api=Meddler(api={"/api/markets": elsewhere}), market=None)
    assert "is not an order book" in report.only("vault").text
    assert report.of(CheckStatus.SKIP) == ["collateral"]


async def test_vault_without_a_contract_fails(surgery: Surgery) -> None:
    report = await surgery.look(node=no_code_at(surgery.rig.venue.vault.lower()))
    assert "no contract at the vault" in report.only("vault").text


async def test_vault_that_reports_no_collateral_fails(surgery: Surgery) -> None:
    book = surgery.rig.venue.market("ETH-USD").address.lower()
    registry = surgery.rig.venue.registry.lower()

    def marked(asked: list[Any], result: str) -> str:
        vault = surgery.rig.venue.vault.lower()[2:].rjust(64, "0")
        return result.replace(vault, registry[2:].rjust(64, "0")) if book[2:] in str(asked) else result

    report = await surgery.look(node=Meddler(rpc={"eth_call": marked}))
    assert "does not report collateral" in report.only("vault").text


async def test_wallets_without_collateral_are_named_in_a_warning(surgery: Surgery) -> None:
    path = surgery.rig.directory / "more.csv"
    rows = (surgery.rig.directory / "wallets.csv").read_text()
    poor = [derive_wallet(99, f"Poor{number}") for number in range(6)]
    path.write_text(rows + "".join(f"{one.nickname},{one.address},{one.private_key}\n" for one in poor))
    path.chmod(0o600)
    surgery.wallets_file = path
    result = (await surgery.look()).only("collateral", CheckStatus.WARN)
    assert result.text == "no collateral: Poor0, Poor1, Poor2, Poor3 and 2 more"
    report = await surgery.look(wallets=3)
    report.assert_all_ok()
    assert "9 wallets" in report.results["wallets"].text


async def test_stored_sessions_are_reported_by_their_registry_status(surgery: Surgery) -> None:
    rig = surgery.rig
    engine = await rig.packed()
    await engine.stop()
    report = await surgery.look()
    report.assert_all_ok()
    assert report.results["sessions"].text == "3 live"
    sessions = {address: entry["sessionId"] for address, entry in rig.checkpoint()["wallets"].items()}
    first = rig.venue.wallets[0]
    async with client_of(rig.venue) as client:
        await client.post(
            "/api/gasless/session/revoke", {"orderBook": client.book, "sessionId": sessions[first.account]}
        )
        revoked = (await surgery.look()).only("sessions", CheckStatus.WARN)
        assert revoked.text == f"2 live, 1 revoked: {first.nickname} on ETH-USD"
    assert ZERO_ADDRESS not in revoked.text


async def test_sessions_of_another_relayer_set_are_counted(surgery: Surgery) -> None:
    engine = await surgery.rig.packed()
    await engine.stop()

    def changed(body: dict[str, Any]) -> dict[str, Any]:
        fewer = body["relayerAddresses"][:-1]
        return {**body, "relayerAddresses": fewer, "relayerSetRoot": relayer_root(fewer)}

    report = await surgery.look(api=Meddler(api={"/api/gasless/session/relayer-set": changed}))
    assert report.results["sessions"].text == "3 another relayer set"


async def test_sessions_that_expire_soon_or_have_expired_are_counted(surgery: Surgery) -> None:
    rig = surgery.rig
    engine = await rig.packed()
    await engine.stop()
    head = await rig.venue.node.timestamp()
    assert {entry["sessionExpiry"] - head > 23 * 3600 for entry in rig.checkpoint()["wallets"].values()} == {True}
    day = 24 * 3600

    def later(seconds: int) -> Meddler:
        """A node whose chain's clock, as read through a multicall, is fast."""

        def shifted(asked: list[Any], result: str) -> str:
            if asked[0]["to"] != MULTICALL or len(result) < 600:
                return result
            words = [result[2:][at : at + 64] for at in range(0, len(result) - 2, 64)]
            return "0x" + "".join(
                f"{int(word, 16) + seconds:064x}" if 0 <= int(word, 16) - head < 60 else word for word in words
            )

        return Meddler(rpc={"eth_call": shifted})

    assert (await surgery.look(node=later(day - 600))).results["sessions"].text == "3 expiring within an hour"
    assert (await surgery.look(node=later(day + 600))).results["sessions"].text == "3 expired"
