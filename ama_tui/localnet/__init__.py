"""A venue of our own: real contracts on a real EVM, a JSON-RPC node, a relayer, traders.

It shares nothing with the rest of the package but the standard formats on the wire, so that
neither side can hide the other's mistake.
"""
