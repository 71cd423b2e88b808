"""The anvil process: started from the PATH, stopped with this process.

The npm package's `anvil` is a script that leaves the real program running when it is killed, so a guard process
(`child_guard`) owns it. Without `--prune-history` anvil keeps every state its chain ever had.

anvil checks neither the Host header nor the origin of a WebSocket. It listens where no web page looks for it: on Linux
every address in 127.0.0.0/8 is this machine, so one of them at random.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import shutil
import sys

from ama_tui.localnet.node import NodeError

START_SECONDS = 20.0
BLOCK_GAS_LIMIT = 1_000_000_000
KEPT_STATES = 128
"""How many blocks back state can be read."""
KEPT_BLOCKS = 2_048
"""How many blocks back receipts can be read."""

_LISTENING = re.compile(rb"Listening on ([0-9.]+:[0-9]+)")
_OPTIONS = (
    *("--hardfork", "cancun", "--gas-limit", str(BLOCK_GAS_LIMIT), "--disable-code-size-limit"),
    *("--accounts", "0", "--auto-impersonate", "--disable-pool-balance-checks"),
    *("--base-fee", "0", "--gas-price", "0", "--disable-min-priority-fee", "--order", "fifo"),
    *("--prune-history", str(KEPT_STATES), "--transaction-block-keeper", str(KEPT_BLOCKS)),
    *("--no-request-size-limit", "--no-cors"),
)


class AnvilProcess:
    """A running anvil and the URL it listens on."""

    def __init__(self, guard: asyncio.subprocess.Process, rpc_url: str, output: asyncio.Task[None]) -> None:
        self.rpc_url = rpc_url
        self._guard = guard
        self._output = output

    @classmethod
    async def spawn(cls, chain_id: int) -> AnvilProcess:
        """Start anvil and wait until it listens. Raises NodeError."""
        program = shutil.which("anvil")
        if program is None:
            raise NodeError("anvil is not on the PATH", "install it: npm install -g @foundry-rs/anvil")
        guard = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "ama_tui.localnet.child_guard", program, *_OPTIONS),
            *("--chain-id", str(chain_id), "--host", _own_address(), "--port", "0"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl+C is handled by this process
        )
        try:
            async with asyncio.timeout(START_SECONDS):
                address = await _listening(guard)
        except BaseException as error:
            await _end(guard)
            if isinstance(error, TimeoutError):
                raise NodeError(f"anvil did not start within {START_SECONDS:.0f} s") from None
            raise
        return cls(guard, f"http://{address}", asyncio.create_task(_read_away(guard)))

    async def end(self) -> None:
        await _end(self._guard)
        await self._output


def _own_address() -> str:
    """A loopback address that others do not guess, where the system has more than one."""
    if sys.platform != "linux":
        return "127.0.0.1"
    return ".".join(("127", *(str(1 + secrets.randbelow(254)) for _ in range(3))))


async def _listening(guard: asyncio.subprocess.Process) -> str:
    """Read until anvil prints its address. Raises NodeError with its last line if it exits first."""
    last = b""
    async for line in _lines(guard):
        if match := _LISTENING.search(line):
            return match[1].decode()
        last = line.strip() or last
    raise NodeError(f"anvil exited at once: {last.decode(errors='replace')}")


async def _read_away(guard: asyncio.subprocess.Process) -> None:
    """Drain the output: anvil would block once the pipe is full."""
    async for _ in _lines(guard):
        pass


def _lines(guard: asyncio.subprocess.Process) -> asyncio.StreamReader:
    if guard.stdout is None:
        raise RuntimeError("the guard has no output pipe")
    return guard.stdout


async def _end(guard: asyncio.subprocess.Process) -> None:
    """Close the guard's input, at which it kills anvil."""
    if guard.stdin is not None:
        guard.stdin.close()
        with contextlib.suppress(ConnectionError):
            await guard.stdin.wait_closed()
    await guard.wait()
