"""`ama-tui sessions` as an operator sees it: what it lists, revokes and refuses, and its exit codes."""

from __future__ import annotations

import io
import signal
import sys
from collections.abc import Callable

import pytest

from ama_tui.cli.main import main
from ama_tui.localnet.options import VenueOptions
from tests.cli.conftest import SYMBOL, Ama, StoredRun
from tests.crash.session_evidence import live_sessions
from tests.e2e.flaky import Flaky, between
from tests.e2e.operator import PACK, VENUE_NAMES, Finished, Operator
from tests.e2e.venues import NewOperator, ServedVenue, ServeVenue
from tests.engine.faults import Fault

SMALL = ("--orders-per-side", "1")
GO_ON = ("run", "--headless", "--json", "--min-delay-ms", "20", "--max-delay-ms", "80", *SMALL)
NO_SESSION = "0x" + "12" * 32


class Terminal(io.StringIO):
    """A terminal with typed input waiting."""

    def isatty(self) -> bool:
        return True


AmaAt = Callable[..., Finished]


@pytest.fixture(scope="module")
def venue(serve_for_session: ServeVenue) -> ServedVenue:
    """A venue for these tests alone: they revoke sessions and leave orders on markets that other tests use too."""
    return serve_for_session(VenueOptions(block_time=0.2, traders=False))


@pytest.fixture
def owner(operators: NewOperator, venue: ServedVenue) -> Operator:
    """An operator of that venue."""
    return operators(venue)


@pytest.fixture
def ama_at(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> AmaAt:
    """Runs the program in the test's process, in an operator's directory."""
    for name in VENUE_NAMES:
        monkeypatch.delenv(name, raising=False)

    def ama(operator: Operator, *arguments: str) -> Finished:
        monkeypatch.chdir(operator.directory)
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert isinstance(ended.value.code, int)
        said = capsys.readouterr()
        operator.assert_no_key_in(said.out + said.err, "what it said")
        return Finished(ended.value.code, said.out, said.err, 0.0)

    return ama


@pytest.fixture
def revoke(ama_at: AmaAt) -> AmaAt:
    """`sessions revoke` on a market, run the same way."""
    return lambda operator, symbol, *options: ama_at(operator, "sessions", "revoke", "--market", symbol, *options)


def stored(operator: Operator) -> dict[str, str]:
    """The session of each wallet, by nickname, in the order of the wallets."""
    wallets = sorted(operator.checkpoint()["wallets"].values(), key=lambda entry: entry["index"])
    return {entry["nickname"]: entry["sessionId"] for entry in wallets}


def outcomes(done: Finished) -> dict[str, str]:
    return {one["nickname"]: one["outcome"] for one in done.summary["sessions"]}


def told_of(operator: Operator, error: str) -> set[str]:
    """The wallets with such an error in the journal."""
    return {line["trader"] for line in operator.journal() if error in line.get("error", "")}


def alive(venue: ServedVenue, symbol: str) -> int:
    return sum(map(len, live_sessions(venue.client, symbol, venue.client.addresses()).values()))


def test_list_shows_the_on_chain_status_of_every_session_without_keys(
    owner: Operator, venue: ServedVenue, ama_at: AmaAt
) -> None:
    owner.ama(*PACK, *SMALL, "--market", "TIA-USD", "--wallets", "2").packed()
    owner.wallets_file.unlink()
    first, second = stored(owner).values()
    venue.client.revoke("TIA-USD", second)
    found = ama_at(owner, "sessions", "list", "--market", "tia-usd", "--json")
    assert (found.code, found.err) == (0, "")
    assert [(one["nickname"], one["sessionId"], one["state"]) for one in found.summary["sessions"]] == [
        ("User001", first, "live"),
        ("User002", second, "revoked"),
    ]
    entry = owner.checkpoint()["wallets"][venue.client.keys[0].address]
    one = found.summary["sessions"][0]
    assert (one["wallet"], one["market"], one["expiry"]) == (
        venue.client.keys[0].address,
        "TIA-USD",
        entry["sessionExpiry"],
    )
    assert one["methods"] == ["placeMarginLimit", "modify", "cancel"]
    assert int(one["notionalUsed"]) > 0
    assert int(one["maxNotionalPerTrade"]) >= 0
    table = ama_at(owner, "sessions", "list")
    assert table.code == 0
    assert table.out.startswith("TIA-USD, at block ")
    assert first[:10] + "…  live " in table.out
    assert second[:10] + "…  revoked " in table.out
    assert first not in table.out
    owner.set_env(APP_URL="http://127.0.0.1:1")
    without = ama_at(owner, "sessions", "list", "--json")
    assert without.code == 0
    assert [one["state"] for one in without.summary["sessions"]] == ["live", "revoked"]
    assert without.err.startswith("relayer set not available, so sessions are not checked against it: ")


def test_empty_list_says_so_and_creates_nothing(owner: Operator, ama_at: AmaAt) -> None:
    found = ama_at(owner, "sessions", "list")
    assert (found.code, found.out, found.err) == (0, "no known sessions under state\n", "")
    assert ama_at(owner, "sessions", "list", "--json").summary["sessions"] == []
    assert not owner.state.exists()


def test_sessions_by_id_by_wallet_and_all_are_revoked_proven_and_journalled(
    owner: Operator, venue: ServedVenue, revoke: AmaAt, ama_at: AmaAt
) -> None:
    owner.ama(*PACK, *SMALL, "--market", "SUI-USD", "--wallets", "4").packed()
    owner.wallets_file.unlink()
    one, two, three, four = stored(owner).values()
    done = revoke(owner, "SUI-USD", one[:12])
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0].split() == ["User001", one[:10] + "…", "revoked"]
    assert done.out.splitlines()[1].startswith("1 revoked; proven at block ")
    assert alive(venue, "SUI-USD") == 3

    assert outcomes(revoke(owner, "SUI-USD", "--wallet", "user002", "--json")) == {"User002": "revoked"}
    address = venue.client.keys[2].address
    assert outcomes(revoke(owner, "SUI-USD", "--wallet", address, "--json")) == {"User003": "revoked"}
    again = revoke(owner, "SUI-USD", one)
    assert (again.code, again.out.splitlines()[0].split(maxsplit=2)[2]) == (0, "was over: revoked")

    every = revoke(owner, "all", "--all", "--yes", "--json")
    assert (every.code, every.summary["proven"]) == (0, True)
    assert outcomes(every) == {
        "User001": "was over",
        "User002": "was over",
        "User003": "was over",
        "User004": "revoked",
    }
    assert alive(venue, "SUI-USD") == 0
    notes = [line["params"]["sessionId"] for line in owner.journal() if line["action"] == "NOTE" and "txHash" in line]
    assert notes == [one, two, three, four]
    assert ama_at(owner, "journal", "verify").code == 0


def test_unknown_session_is_revoked_by_its_id_without_creating_state(
    owner: Operator, venue: ServedVenue, revoke: AmaAt
) -> None:
    client = venue.client
    session, _ = client.open_session("APT-USD", client.keys[0])
    done = revoke(owner, "APT-USD", session, "--json")
    assert done.code == 0
    (one,) = done.summary["sessions"]
    assert (one["wallet"], one["outcome"], one["state"]) == (client.keys[0].address, "revoked", "revoked")
    unknown = revoke(owner, client.book("APT-USD"), NO_SESSION)
    assert (unknown.code, unknown.out.splitlines()[0].split(maxsplit=2)[2]) == (0, "was over: unknown")
    assert "belongs to no saved market" in revoke(owner, "all", NO_SESSION).refusal(2)
    assert not owner.state.exists()


def test_active_run_blocks_a_revocation_and_with_force_waits_for_the_operator(
    owner: Operator, venue: ServedVenue, revoke: AmaAt, ama_at: AmaAt
) -> None:
    running = owner.start(*GO_ON, "--market", "OP-USD", "--wallets", "2")
    running.until("4 orders", lambda: "resting 4/4" in running.err)
    assert ama_at(owner, "sessions", "list").code == 0
    line = revoke(owner, "OP-USD", "--all", "--yes").refusal(2)
    assert f"is in use by another run (pid {running.pid})" in line
    assert "--force" in line
    assert alive(venue, "OP-USD") == 2
    done = revoke(owner, "OP-USD", "--all", "--yes", "--force", "--json")
    assert (done.code, set(outcomes(done).values())) == (0, {"revoked"})
    assert f"pid {running.pid}" in done.err
    made = venue.client.sessions_made(*venue.client.addresses())
    revoked = {key.address for key in venue.client.keys[:2]}
    running.until("its wallets to wait", lambda: revoked == told_of(owner, "session revoked"))
    running.signal(signal.SIGINT)
    assert running.wait().code == 0
    assert alive(venue, "OP-USD") == 0
    assert venue.client.sessions_made(*venue.client.addresses()) == made
    assert ama_at(owner, "journal", "verify").code == 0


def test_sessions_that_could_not_be_revoked_are_listed_with_the_reason(
    owner: Operator, venue: ServedVenue, revoke: AmaAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner.ama(*PACK, *SMALL, "--market", "TRX-USD", "--wallets", "2").packed()
    flaky = Flaky(rate=1.0, only="/api/gasless/session/revoke", mix=(Fault.LOSE_REQUEST,))
    with between(venue.client.app_url, flaky) as url:
        owner.set_env(APP_URL=url)
        done = revoke(owner, "TRX-USD", "--all", "--yes", "--within", "2", "--json")
        told = revoke(owner, "TRX-USD", "--wallet", "User002", "--within", "2")
    assert (done.code, done.summary["proven"]) == (4, False)
    assert [(one["outcome"], one["state"]) for one in done.summary["sessions"]] == [
        ("could not be revoked", "live")
    ] * 2
    assert all("/api/gasless/session/revoke" in one["error"] for one in done.summary["sessions"])
    assert told.code == 4
    assert "could not be revoked: POST /api/gasless/session/revoke" in told.out
    assert "1 could not be revoked; not proven at block" in told.out
    assert alive(venue, "TRX-USD") == 2
    errors = [line for line in owner.journal() if line["action"] == "ERROR" and "sessionId" in line.get("params", {})]
    assert len(errors) == 3
    owner.set_env(APP_URL=venue.client.app_url)
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    asked = revoke(owner, "TRX-USD", "--all")
    assert asked.code == 0
    assert "Revoke 2 live sessions of 2 wallets on TRX-USD?" in asked.out + asked.err
    assert alive(venue, "TRX-USD") == 0


def test_revoking_all_asks_first_and_no_changes_nothing(
    stored_run: StoredRun, ama_here: Ama, monkeypatch: pytest.MonkeyPatch, shared_venue: ServedVenue
) -> None:
    before = alive(shared_venue, SYMBOL)
    for typed in ("n\n", "\n"):
        monkeypatch.setattr(sys, "stdin", Terminal(typed))
        refused = ama_here("sessions", "revoke", "--all", "--market", SYMBOL)
        assert refused.code == 130
        assert f"Revoke 1 live sessions of 1 wallets on {SYMBOL}?" in refused.out + refused.err
    assert alive(shared_venue, SYMBOL) == before


def test_bad_input_is_refused_in_one_line_before_anything_is_sent(ama_here: Ama, stored_run: StoredRun) -> None:
    def refused(*options: str) -> str:
        return ama_here("sessions", "revoke", "--market", SYMBOL, *options).refusal(2)

    assert "exactly one of" in refused()
    assert "exactly one of" in refused(NO_SESSION, "--all")
    assert "use --yes" in refused("--all")
    assert "is not a session's id" in refused("0x12")
    assert "no known session begins with 0x12121212" in refused(NO_SESSION[:10])
    assert "no known session of wallet 'nobody'" in refused("--wallet", "nobody")
    assert "Missing option '--market'" in ama_here("sessions", "revoke", "--all").refusal(2)
    assert "no market named 'NOPE'" in ama_here("sessions", "revoke", NO_SESSION, "--market", "NOPE").refusal(2)
    assert f"markets under state: {SYMBOL}" in ama_here("sessions", "list", "--market", "NOPE").refusal(2)
    stored_run.operator.set_env(RPC_URL="http://127.0.0.1:1")
    assert ama_here("sessions", "list").refusal(3).startswith("RPC_URL http://127.0.0.1:1 failed")


def test_damaged_files_are_named_and_their_readable_sessions_listed(
    owner: Operator, venue: ServedVenue, revoke: AmaAt, ama_at: AmaAt
) -> None:
    owner.ama(*PACK, *SMALL, "--market", "GAS-USD", "--wallets", "2").packed()
    directory = owner.market_state()
    sessions = set(stored(owner).values())
    lines = (directory / "actions.jsonl").read_bytes().splitlines(keepends=True)
    (directory / "actions.jsonl").write_bytes(b"".join([*lines[:2], b"garbage\n", *lines[3:]]))
    (directory / "checkpoint.json").write_text("{")
    for path in (directory / "wallets").iterdir():
        path.write_text("{")
    found = ama_at(owner, "sessions", "list", "--json")
    assert found.code == 0
    assert {one["sessionId"] for one in found.summary["sessions"]} <= sessions
    assert len(found.summary["sessions"]) >= 1
    assert {one["market"] for one in found.summary["sessions"]} == {venue.client.book("GAS-USD")}
    assert "checkpoint.json is corrupt" in found.err
    assert "actions.jsonl line 3" in found.err
    assert revoke(owner, venue.client.book("GAS-USD"), "--all", "--yes").code == 0
