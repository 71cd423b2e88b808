"""JSON-RPC as an external client sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from eth_account import Account

from ama_tui.localnet import abi
from ama_tui.localnet.embedded import EmbeddedNode
from ama_tui.localnet.node import MULTICALL3

OWNER, ALICE, BOB = ("0x" + digits * 20 for digits in ("0a", "aa", "bb"))
KEY = Account.from_key(b"\x21" * 32)
NOT_FOUND, BAD_PARAMS, SERVER_ERROR, REVERTED = -32601, -32602, -32000, 3


class Wire:
    """A client, and a vault that OWNER deployed in block 1."""

    def __init__(self, node: EmbeddedNode) -> None:
        self.node = node
        self.http = httpx.AsyncClient(timeout=30)
        self.vault = ""

    async def post(self, content: Any) -> httpx.Response:
        if isinstance(content, bytes):
            return await self.http.post(
                self.node.rpc_url, content=content, headers={"content-type": "application/json"}
            )
        return await self.http.post(self.node.rpc_url, json=content)

    async def full(self, method: str, *params: Any) -> dict[str, Any]:
        request = {"jsonrpc": "2.0", "id": 7, "method": method, "params": list(params)}
        reply: dict[str, Any] = (await self.post(request)).json()
        assert (reply["jsonrpc"], reply["id"]) == ("2.0", 7)
        return reply

    async def ask(self, method: str, *params: Any) -> Any:
        reply = await self.full(method, *params)
        assert "error" not in reply, reply
        return reply["result"]

    async def fail(self, method: str, *params: Any) -> dict[str, Any]:
        error: dict[str, Any] = (await self.full(method, *params))["error"]
        return error

    async def credit(self, usdc6: int) -> str:
        return await self.node.send(OWNER, self.vault, credit(usdc6))


def credit(usdc6: int) -> bytes:
    return abi.encode("CoreVault", "credit", (ALICE, usdc6))


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    node = await EmbeddedNode.start(block_time=0)
    wire = Wire(node)
    receipt = await node.receipt(await node.send(OWNER, None, abi.deploy_code("CoreVault")))
    assert receipt is not None
    wire.vault = str(receipt.contract_address)
    yield wire
    await wire.http.aclose()
    await node.close()


# ---- envelopes ----


async def test_batch_responses_are_in_order_with_their_ids(wire: Wire) -> None:
    batch = [
        {"jsonrpc": "2.0", "id": "a", "method": "eth_chainId"},
        {"jsonrpc": "2.0", "id": 2, "method": "no_such", "params": []},
        {"jsonrpc": "2.0", "method": "eth_chainId"},
        {"jsonrpc": "2.0", "id": None, "method": "eth_blockNumber", "params": []},
        5,
    ]
    replies = (await wire.post(batch)).json()
    assert [reply["id"] for reply in replies] == ["a", 2, None, None]
    assert (replies[0]["result"], replies[2]["result"]) == ("0x7a69", "0x1")
    assert [replies[1]["error"]["code"], replies[3]["error"]["code"]] == [NOT_FOUND, -32600]


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"{nonsense", -32700), (b"[]", -32600), (b"{}", -32600), (b'"text"', -32600)],
)
async def test_malformed_request_gets_its_error_code(wire: Wire, body: bytes, code: int) -> None:
    assert (await wire.post(body)).json()["error"]["code"] == code


async def test_notification_gets_no_response(wire: Wire) -> None:
    response = await wire.post({"jsonrpc": "2.0", "method": "eth_chainId"})
    assert (response.status_code, response.content) == (200, b"")


async def test_unknown_method_is_named(wire: Wire) -> None:
    error = await wire.fail("eth_nonsense")
    assert error["code"] == NOT_FOUND
    assert "eth_nonsense" in error["message"]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("eth_call", []),
        ("eth_call", ["0x"]),
        ("eth_call", [{"to": "0x12"}]),
        ("eth_call", [{"to": ALICE, "data": "0xzz"}]),
        ("eth_call", [{"to": ALICE}, "0xzz"]),
        ("eth_call", [{"to": ALICE}, "latest", {ALICE: {"balance": "0x1"}}]),
        ("eth_getBalance", [5]),
        ("eth_getBlockByNumber", [12]),
        ("eth_getTransactionReceipt", ["0x1234"]),
        ("eth_getLogs", ["x"]),
        ("eth_getLogs", [{"topics": ["0x12"]}]),
        ("eth_getLogs", [{"fromBlock": "0x5", "toBlock": "0x1"}]),
    ],
)
async def test_bad_parameters_are_refused(wire: Wire, method: str, params: list[Any]) -> None:
    assert (await wire.fail(method, *params))["code"] == BAD_PARAMS


async def test_parameters_must_be_a_list(wire: Wire) -> None:
    request = {"jsonrpc": "2.0", "id": 7, "method": "eth_call", "params": {"to": ALICE}}
    assert (await wire.post(request)).json()["error"]["code"] == BAD_PARAMS


# ---- the chain ----


async def test_chain_reports_its_id_and_version(wire: Wire) -> None:
    assert await wire.ask("eth_chainId") == "0x7a69"
    assert await wire.ask("net_version") == "31337"
    assert await wire.ask("eth_syncing") is False
    assert (await wire.ask("web3_clientVersion")).startswith("ama-tui")
    assert int(await wire.ask("eth_gasPrice"), 16) > 0


async def test_code_and_balance_of_an_account_are_returned(wire: Wire) -> None:
    await wire.node.fund(BOB, 10**18)
    assert await wire.ask("eth_getBalance", BOB, "latest") == hex(10**18)
    assert await wire.ask("eth_getCode", BOB, "latest") == "0x"
    runtime = abi.artifact("CoreVault").runtime.hex()
    assert await wire.ask("eth_getCode", wire.vault, "latest") == "0x" + runtime
    assert len(await wire.ask("eth_getCode", MULTICALL3, "latest")) > 1_000


# ---- calls ----


async def test_call_returns_the_contracts_result(wire: Wire) -> None:
    await wire.credit(77)
    data = "0x" + abi.encode("CoreVault", "getAvailableCollateral", (ALICE,)).hex()
    for field in ("data", "input"):
        response = await wire.ask("eth_call", {"to": wire.vault, field: data}, "latest")
        assert int(response, 16) == 77


async def test_revert_is_code_3_with_its_reason_and_data(wire: Wire) -> None:
    error = await wire.fail("eth_call", {"to": wire.vault, "data": "0x" + credit(1).hex(), "from": ALICE})
    assert error["code"] == REVERTED
    assert error["message"] == "execution reverted: not_owner"
    assert error["data"].startswith("0x08c379a0")
    assert await wire.fail("eth_estimateGas", {"to": wire.vault, "data": "0x" + credit(1).hex()}) == error


async def test_call_that_runs_out_of_gas_is_a_server_error(wire: Wire) -> None:
    call = {"to": wire.vault, "data": "0x" + credit(1).hex(), "from": OWNER, "gas": "0x7530"}
    assert (await wire.fail("eth_call", call))["code"] == SERVER_ERROR


@pytest.mark.parametrize("tag", ["latest", "pending", "safe", "finalized", "0x1", {"blockNumber": "0x1"}])
async def test_state_is_available_under_every_name_of_the_latest_block(wire: Wire, tag: Any) -> None:
    assert len(await wire.ask("eth_getCode", wire.vault, tag)) > 2


async def test_state_is_available_by_the_latest_blocks_hash(wire: Wire) -> None:
    latest = await wire.ask("eth_getBlockByNumber", "latest", False)
    assert len(await wire.ask("eth_getCode", wire.vault, {"blockHash": latest["hash"]})) > 2
    unknown = {"blockHash": "0x" + "12" * 32}
    assert "not found" in (await wire.fail("eth_getCode", wire.vault, unknown))["message"]


@pytest.mark.parametrize("method", ["eth_call", "eth_getBalance", "eth_getCode", "eth_getTransactionCount"])
async def test_state_of_an_older_block_is_missing_as_on_a_pruned_node(wire: Wire, method: str) -> None:
    subject = {"to": wire.vault} if method == "eth_call" else ALICE
    for tag in ("0x0", "earliest"):
        error = await wire.fail(method, subject, tag)
        assert error["code"] == SERVER_ERROR
        assert error["message"].startswith("missing trie node")
    assert "not found" in (await wire.fail(method, subject, "0x99"))["message"]


async def test_estimated_gas_is_sufficient(wire: Wire) -> None:
    call = {"to": wire.vault, "data": "0x" + credit(1).hex(), "from": OWNER}
    gas = int(await wire.ask("eth_estimateGas", call), 16)
    receipt = await wire.node.receipt(await wire.node.send(OWNER, wire.vault, credit(1), gas=gas))
    assert receipt is not None
    assert receipt.ok
    assert gas < 2 * receipt.gas_used


# ---- blocks and receipts ----


async def test_block_lists_transaction_hashes_or_full_transactions(wire: Wire) -> None:
    tx_hash = await wire.credit(1)
    block = await wire.ask("eth_getBlockByNumber", "0x2", False)
    assert block["transactions"] == [tx_hash]
    assert (block["number"], block["baseFeePerGas"]) == ("0x2", "0x0")
    assert block == await wire.ask("eth_getBlockByHash", block["hash"], False)
    full = await wire.ask("eth_getBlockByNumber", "latest", True)
    assert full["transactions"] == [await wire.ask("eth_getTransactionByHash", tx_hash)]
    assert full["parentHash"] == (await wire.ask("eth_getBlockByNumber", "0x1", False))["hash"]
    assert await wire.ask("eth_getBlockByNumber", "0x99", False) is None
    assert await wire.ask("eth_getBlockByHash", "0x" + "00" * 32, False) is None
    assert (await wire.ask("eth_getBlockByNumber", "earliest", False))["number"] == "0x0"


async def test_receipt_reports_the_result(wire: Wire) -> None:
    tx_hash = await wire.credit(5)
    receipt = await wire.ask("eth_getTransactionReceipt", tx_hash)
    assert (receipt["status"], receipt["from"], receipt["to"]) == ("0x1", OWNER, wire.vault)
    assert (receipt["blockNumber"], receipt["transactionIndex"]) == ("0x2", "0x0")
    (log,) = receipt["logs"]
    assert log["topics"][0] == "0x" + abi.event_topic("CoreVault", "Credited").hex()
    assert (log["transactionHash"], log["logIndex"], log["removed"]) == (tx_hash, "0x0", False)
    assert receipt["logsBloom"].count("0") < 512
    failed = await wire.node.send(ALICE, wire.vault, credit(5))
    assert (await wire.ask("eth_getTransactionReceipt", failed))["status"] == "0x0"
    assert await wire.ask("eth_getTransactionReceipt", "0x" + "00" * 32) is None


async def test_pending_transaction_has_no_block(wire: Wire) -> None:
    await wire.node.set_block_time(3_600)
    tx_hash = await wire.credit(5)
    assert (await wire.ask("eth_getTransactionByHash", tx_hash))["blockNumber"] is None
    assert await wire.ask("eth_getTransactionReceipt", tx_hash) is None
    assert await wire.ask("eth_getTransactionCount", OWNER, "latest") == "0x1"
    assert await wire.ask("eth_getTransactionCount", OWNER, "pending") == "0x2"


# ---- logs ----


async def test_logs_are_filtered_by_range_address_and_topics(wire: Wire) -> None:
    for usdc6 in (1, 2, 3):
        await wire.credit(usdc6)
    topic = "0x" + abi.event_topic("CoreVault", "Credited").hex()
    alice = "0x" + ALICE[2:].rjust(64, "0")
    nobody = "0x" + "00" * 32

    async def numbers(**wanted: Any) -> list[int]:
        found = await wire.ask("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest", **wanted})
        return [int(log["data"], 16) for log in found]

    assert await numbers() == [1, 2, 3]
    assert await numbers(fromBlock="0x3", toBlock="0x3") == [2]
    assert await numbers(address=wire.vault, topics=[topic]) == [1, 2, 3]
    assert await numbers(address=[BOB, wire.vault], topics=[[nobody, topic], alice]) == [1, 2, 3]
    assert await numbers(address=BOB) == []
    assert await numbers(topics=[None, nobody]) == []
    assert await numbers(topics=[None, [nobody, alice]]) == [1, 2, 3]
    assert await numbers(topics=[None, None, None]) == []
    assert await numbers(fromBlock="0x99") == []
    block = await wire.ask("eth_getBlockByNumber", "0x4", False)
    assert [int(log["data"], 16) for log in await wire.ask("eth_getLogs", {"blockHash": block["hash"]})] == [3]
    assert [int(log["data"], 16) for log in await wire.ask("eth_getLogs", {})] == [3]
    unknown = await wire.fail("eth_getLogs", {"blockHash": nobody})
    assert unknown["code"] == SERVER_ERROR


# ---- sending ----


@pytest.mark.parametrize(
    "fees",
    [{"gasPrice": 10**9}, {"maxFeePerGas": 3 * 10**9, "maxPriorityFeePerGas": 10**9, "type": 2}],
)
async def test_signed_transaction_is_mined_and_paid_for(wire: Wire, fees: dict[str, int]) -> None:
    sender = KEY.address.lower()
    await wire.node.fund(sender, 10**18)
    fields = {"nonce": 0, "gas": 50_000, "to": bytes.fromhex(BOB[2:]), "value": 5, "chainId": 31337}
    signed = KEY.sign_transaction({**fields, **fees})
    raw = "0x" + signed.raw_transaction.hex()
    tx_hash = await wire.ask("eth_sendRawTransaction", raw)
    assert tx_hash == "0x" + signed.hash.hex()
    receipt = await wire.ask("eth_getTransactionReceipt", tx_hash)
    assert (receipt["status"], receipt["effectiveGasPrice"]) == ("0x1", hex(10**9))
    assert await wire.ask("eth_getBalance", BOB, "latest") == "0x5"
    paid = int(receipt["gasUsed"], 16) * 10**9 + 5
    assert await wire.ask("eth_getBalance", sender, "latest") == hex(10**18 - paid)
    assert await wire.ask("eth_getTransactionCount", sender, "latest") == "0x1"
    shown = await wire.ask("eth_getTransactionByHash", tx_hash)
    assert (shown["from"], int(shown["r"], 16)) == (sender, signed.r)
    assert (await wire.fail("eth_sendRawTransaction", raw))["message"] == "already known"


async def test_invalid_transaction_is_refused_with_a_reason(wire: Wire) -> None:
    fields = {"nonce": 0, "gas": 50_000, "to": bytes.fromhex(BOB[2:]), "value": 0, "gasPrice": 1}

    async def refusal(**changes: int) -> str:
        signed = KEY.sign_transaction({**fields, "chainId": 31337, **changes})
        error = await wire.fail("eth_sendRawTransaction", "0x" + signed.raw_transaction.hex())
        assert error["code"] == SERVER_ERROR
        return str(error["message"])

    assert "insufficient funds" in await refusal()
    assert "invalid chain id" in await refusal(chainId=1)
    assert "not a signed transaction" in (await wire.fail("eth_sendRawTransaction", "0x1234"))["message"]
