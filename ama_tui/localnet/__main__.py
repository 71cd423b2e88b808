"""`python -m ama_tui.localnet`: a venue in its own process, started and stopped by `VenueProcess`.

It prints one line of JSON: its addresses once it is ready, or the error that kept it from starting. It exits on SIGINT,
SIGTERM and SIGHUP, and when its standard input closes, so it never outlives its parent.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from ama_tui.localnet.node import NodeError
from ama_tui.localnet.options import VenueOptions, read_options
from ama_tui.localnet.venue import LocalVenue


def main() -> int:
    """Serve until stopped. Exit code 0 after a clean shutdown, 1 if the venue could not start."""
    parser = argparse.ArgumentParser(prog="python -m ama_tui.localnet")
    parser.add_argument("--json-options", default="{}", help="fields of VenueOptions, as a JSON object")
    parser.add_argument("--write", type=Path, help="directory for .env and wallets.csv")
    arguments = parser.parse_args()
    try:
        options = read_options(arguments.json_options)
        asyncio.run(_serve(options, arguments.write))
    except (NodeError, OSError, TypeError, ValueError) as error:
        print(json.dumps({"error": str(error) or type(error).__name__}), flush=True)
        return 1
    return 0


async def _serve(options: VenueOptions, directory: Path | None) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, stopping.set)
    await _stop_at_end_of_input(stopping)
    async with await LocalVenue.start(options) as venue:
        if directory is not None:
            venue.write(directory)
        ready = {
            "app_url": venue.app_url,
            "rpc_url": venue.rpc_url,
            "chain_id": venue.chain_id,
            "registry": venue.registry,
            "symbols": [listing.spec.symbol for listing in venue.markets],
        }
        print(json.dumps(ready), flush=True)
        await stopping.wait()


async def _stop_at_end_of_input(stopping: asyncio.Event) -> None:
    """Set `stopping` once standard input closes, which happens when the parent exits."""

    class InputWatcher(asyncio.Protocol):
        def eof_received(self) -> bool:
            stopping.set()
            return False

        def connection_lost(self, error: Exception | None) -> None:
            stopping.set()

    await asyncio.get_running_loop().connect_read_pipe(InputWatcher, sys.stdin)


if __name__ == "__main__":
    sys.exit(main())
