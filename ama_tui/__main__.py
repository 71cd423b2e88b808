"""`python -m ama_tui` is `ama-tui`. Signals are handled before anything slow is imported."""

from ama_tui.cli.signals import SIGNALS


def main() -> None:
    """Run the command line of this process and exit with its code."""
    SIGNALS.take_over()
    from ama_tui.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
