"""`python -m ama_tui` is `ama-tui`."""

from ama_tui.cli.main import main

if __name__ == "__main__":
    main()
