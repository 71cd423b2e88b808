"""What is specific to the anvil node; test_node covers what all nodes have in common."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import httpx
import psutil
import pytest

from ama_tui.localnet.anvil import AnvilNode
from ama_tui.localnet.anvil_front import AnvilFront
from ama_tui.localnet.node import NodeError

START_AND_WAIT = """
import asyncio
from ama_tui.localnet.anvil import AnvilNode

async def main():
    node = await AnvilNode.start()
    print(node._process.rpc_url, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def fake_anvil(folder: Path, script: str) -> None:
    program = folder / "anvil"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


async def test_missing_anvil_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NodeError) as error:
        await AnvilNode.start()
    assert str(error.value) == ("anvil is not on the PATH: install it: npm install -g @foundry-rs/anvil")


async def test_anvil_that_exits_at_once_is_an_error_with_its_last_output_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake_anvil(tmp_path, "echo first; echo 'no such option'; exit 2")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(NodeError, match="anvil exited at once: no such option"):
        await AnvilNode.start()


async def test_anvil_that_never_listens_times_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_anvil(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 600")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("ama_tui.localnet.anvil_process.START_SECONDS", 1.0)
    with pytest.raises(NodeError, match="did not start"):
        await AnvilNode.start()
    assert has_ended(int((tmp_path / "pid").read_text()))


@pytest.mark.anvil
async def test_close_stops_anvil() -> None:
    node = await AnvilNode.start()
    (listener,) = listeners(node._process.rpc_url)
    await node.close()
    assert has_ended(listener)


@pytest.mark.anvil
async def test_call_after_anvil_died_is_an_error() -> None:
    node = await AnvilNode.start()
    (listener,) = listeners(node._process.rpc_url)
    os.kill(listener, signal.SIGKILL)
    assert has_ended(listener)
    with pytest.raises(NodeError, match="anvil does not respond"):
        await node.block_number()
    await node.close()


@pytest.mark.anvil
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_anvil_stops_when_this_process_dies(how: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", START_AND_WAIT],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as child:
        assert child.stdout is not None
        (listener,) = listeners(child.stdout.readline().strip())
        child.send_signal(how)
    assert has_ended(listener)


@pytest.mark.anvil
async def test_reads_go_back_over_recent_blocks() -> None:
    node = await AnvilNode.start(block_time=0)
    for _ in range(20):
        await node.mine()
    async with httpx.AsyncClient() as client:
        for number in (await node.block_number(), await node.block_number() - 15):
            body = {"method": "eth_getBalance", "params": ["0x" + "11" * 20, hex(number)]}
            reply = await client.post(node.rpc_url, json={"jsonrpc": "2.0", "id": 1, **body})
            assert reply.json()["result"] == "0x0"
    await node.close()


@pytest.mark.anvil
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has more than one loopback address")
async def test_anvil_itself_listens_on_an_address_of_its_own_and_permits_no_origin() -> None:
    node = await AnvilNode.start()
    own, port = node._process.rpc_url.removeprefix("http://").split(":")
    assert own.startswith("127.")
    assert own != "127.0.0.1"
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.post(f"http://127.0.0.1:{port}", json={})
        asked = {"origin": "https://page.example", "access-control-request-method": "POST"}
        preflight = await client.options(node._process.rpc_url, headers=asked)
    assert not preflight.is_success
    assert "access-control-allow-origin" not in preflight.headers
    await node.close()


@pytest.mark.anvil
async def test_subscription_reaches_clients_and_foreign_origins_get_no_socket() -> None:
    node = await AnvilNode.start(block_time=0)
    async with aiohttp.ClientSession() as http:
        async with http.ws_connect(node.ws_url) as socket:
            await socket.send_json({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]})
            subscription = (await socket.receive_json(timeout=10))["result"]
            await node.mine()
            told = await socket.receive_json(timeout=10)
            assert told["params"]["subscription"] == subscription
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(node.ws_url, headers={"origin": "https://page.example"})
        assert refused.value.status == 403
    await node.close()


@pytest.mark.anvil
async def test_client_of_a_dead_anvil_gets_an_error_and_its_socket_closes() -> None:
    node = await AnvilNode.start()
    async with aiohttp.ClientSession() as http, http.ws_connect(node.ws_url) as socket:
        (listener,) = listeners(node._process.rpc_url)
        os.kill(listener, signal.SIGKILL)
        assert (await socket.receive(timeout=10)).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        async with http.post(node.rpc_url, json={}) as answer:
            assert (answer.status, (await answer.json())["error"]["message"]) == (502, "anvil does not respond")
        async with http.get(node.rpc_url) as answer:
            assert answer.status == 405
    await node.close()


async def test_taken_port_is_one_clear_line() -> None:
    front, other = AnvilFront("http://127.0.0.1:1"), AnvilFront("http://127.0.0.1:1")
    await front.serve("127.0.0.1", 0)
    with pytest.raises(NodeError, match="cannot listen on"):
        await other.serve("127.0.0.1", int(front.rpc_url.rsplit(":", 1)[1]))
    await other.close()
    await front.close()


def listeners(rpc_url: str) -> list[int]:
    """The process that listens on the port of a URL."""
    port = int(rpc_url.rsplit(":", 1)[1])
    return [
        found.pid
        for found in psutil.net_connections(kind="tcp")
        if found.status == psutil.CONN_LISTEN and found.laddr.port == port and found.pid is not None
    ]


def has_ended(pid: int) -> bool:
    """Whether a process exits within some seconds; a zombie counts as exited."""
    for _ in range(100):
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.1)
    return False
