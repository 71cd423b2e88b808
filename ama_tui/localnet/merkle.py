"""The relayer set's Merkle tree.

Wire contract: a leaf is keccak256 of the 20 bytes of an address, leaves are sorted,
pairs are hashed in sorted order (the smaller first), and an odd last node is paired with itself.
The tree of one relayer is its leaf.
"""

from __future__ import annotations

from collections.abc import Sequence

from eth_utils.crypto import keccak


def leaf(address: str) -> bytes:
    """The 32-byte leaf of a 0x address."""
    return keccak(bytes.fromhex(address.removeprefix("0x")))


def root(addresses: Sequence[str]) -> bytes:
    """The root over a set of addresses. Raises ValueError for an empty set."""
    return _layers(addresses)[-1][0]


def proof(addresses: Sequence[str], member: str) -> list[bytes]:
    """The siblings from `member`'s leaf up to the root. Raises ValueError if it is not in the set."""
    layers = _layers(addresses)
    index = layers[0].index(leaf(member))
    siblings = []
    for layer in layers[:-1]:
        sibling = index ^ 1
        siblings.append(layer[sibling] if sibling < len(layer) else layer[index])
        index //= 2
    return siblings


def _layers(addresses: Sequence[str]) -> list[list[bytes]]:
    if not addresses:
        raise ValueError("a relayer set needs at least one address")
    layers = [sorted(leaf(address) for address in addresses)]
    while len(layers[-1]) > 1:
        below = layers[-1]
        pairs = zip(below[::2], [*below[1::2], below[-1]], strict=False)
        layers.append([_pair(left, right) for left, right in pairs])
    return layers


def _pair(left: bytes, right: bytes) -> bytes:
    return keccak(min(left, right) + max(left, right))
