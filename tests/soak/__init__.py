"""Long runs, and whether anything grows or slows down: `python -m tests.soak`, which is `make soak`."""
