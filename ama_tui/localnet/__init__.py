"""The local test venue: real contracts on a real EVM, a JSON-RPC node, a relayer and traders.

It shares no code with the rest of the package, only wire formats: neither side can hide the other's mistake.
"""
