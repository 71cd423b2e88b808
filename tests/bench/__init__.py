"""Speed and memory in figures: `python -m tests.bench [NAME...]`, which is `make bench`."""
