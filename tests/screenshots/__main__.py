"""`python -m tests.screenshots`: drive a demo from the market list to a kill and write a picture of each screen."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from tests.screenshots.album import Album
from tests.screenshots.tour import tour

PICTURES = Path("screenshots")


def main() -> int:
    """Write the pictures and list them."""
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description="Take the README's pictures.")
    parser.add_argument("--output", type=Path, default=PICTURES, metavar="DIR", help=f"where to [{PICTURES}]")
    parser.add_argument("--seed", type=int, default=1, help="the demo's seed [1]")
    arguments = parser.parse_args()
    album = Album()
    asyncio.run(tour(album, arguments.seed))
    for path in album.write(arguments.output):
        print(f"{path}  {path.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
