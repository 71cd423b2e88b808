"""`ama-tui run` with its dashboard, for the benchmark that watches it on a terminal.

    python -m tests.bench.dashboard_app REPORT [OPTION...]

It marks cursor moves once the live screen lists wallets (see `cursor_marks`), and writes the seconds from the first
order sent until the fleet was packed to REPORT. Everything else is the program as it is.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ama_tui.cli.main import main
from ama_tui.engine.run.run import Run
from ama_tui.ui.app import AmaApp
from ama_tui.ui.panels.wallets import WalletGrid
from ama_tui.ui.screens.live import LiveScreen
from tests.bench.cursor_marks import CursorMarks

LOOK_S = 0.1


def report_packed(report: Path) -> None:
    """Write the report as soon as a run of this process is packed."""
    publish = Run.publish

    def publishing(run: Run) -> None:
        publish(run)
        if run.packed_at and not report.exists():
            report.write_text(f"{run.packed_at - run.context.first_send_at}\n")

    Run.publish = publishing  # type: ignore[method-assign,assignment]


def mark_moves_on_the_live_screen() -> None:
    """From the moment on when the screen lists wallets."""
    marks = CursorMarks()
    marks.install()
    mount = LiveScreen.on_mount

    def on_mount(screen: LiveScreen) -> None:
        mount(screen)
        grid, app = screen.query_one(WalletGrid), screen.app
        assert isinstance(app, AmaApp)

        def look() -> None:
            if grid.rows:
                looking.stop()
                marks.begin(app)

        looking = screen.set_interval(LOOK_S, look)

    LiveScreen.on_mount = on_mount  # type: ignore[method-assign,assignment]


if __name__ == "__main__":
    report_packed(Path(sys.argv[1]))
    mark_moves_on_the_live_screen()
    sys.argv[:2] = ["ama-tui", "run"]
    main()
