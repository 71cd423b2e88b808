"""The README's pictures, taken of a real demo run: `python -m tests.screenshots`, which is `make screenshots`."""
