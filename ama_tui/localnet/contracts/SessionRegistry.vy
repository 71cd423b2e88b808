# pragma version 0.4.3
# pragma evm-version cancun
"""
@title Session registry
@notice Gasless sessions: a trader signs one EIP-712 permit, and any relayer of the permit's
        Merkle set may then trade for it on a registered order book, within the permit's limits.
@dev    Prices and notionals are USDC with 6 decimals. The reverts of `chargeSession` are the
        words that the venue's HTTP API answers with.
"""

struct SessionPermit:
    trader: address
    relayerSetRoot: bytes32
    expiry: uint256
    maxNotionalPerTrade: uint256
    maxNotionalPerSession: uint256
    methodsBitmap: bytes32
    sessionSalt: bytes32
    allowedMarkets: DynArray[bytes32, MAX_MARKETS]
    nonce: uint256

struct Session:
    trader: address
    relayerSetRoot: bytes32
    expiry: uint256
    maxNotionalPerTrade: uint256
    maxNotionalPerSession: uint256
    sessionNotionalUsed: uint256
    methodsBitmap: bytes32
    revoked: bool
    restricted: bool

event SessionCreated:
    sessionId: indexed(bytes32)
    trader: indexed(address)
    relayerSetRoot: bytes32
    expiry: uint256

event SessionRevoked:
    sessionId: indexed(bytes32)
    trader: indexed(address)

MAX_MARKETS: constant(uint256) = 64
MAX_PROOF: constant(uint256) = 16
MAX_BATCH: constant(uint256) = 64

DOMAIN_TYPEHASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
PERMIT_TYPEHASH: constant(bytes32) = keccak256(
    "SessionPermit(address trader,bytes32 relayerSetRoot,uint256 expiry,uint256 maxNotionalPerTrade,uint256 maxNotionalPerSession,bytes32 methodsBitmap,bytes32 sessionSalt,bytes32[] allowedMarkets,uint256 nonce)"
)

owner: public(address)
metaNonce: public(HashMap[address, uint256])
marketOf: public(HashMap[address, bytes32])
isRelayer: public(HashMap[address, bool])
_sessions: HashMap[bytes32, Session]
_allowed: HashMap[bytes32, HashMap[bytes32, bool]]


@deploy
def __init__():
    self.owner = msg.sender


# ---- administration ----


@external
def registerBook(marketId: bytes32, book: address):
    """
    @notice Allow an order book to charge sessions for its market.
    """
    assert msg.sender == self.owner, "not_owner"
    self.marketOf[book] = marketId


@external
def setRelayers(relayers: DynArray[address, MAX_BATCH], allowed: bool):
    """
    @notice Set the relayers that may revoke sessions on a trader's behalf.
    """
    assert msg.sender == self.owner, "not_owner"
    for relayer: address in relayers:
        self.isRelayer[relayer] = allowed


# ---- sessions ----


@external
def createSession(permit: SessionPermit, signature: Bytes[65]) -> bytes32:
    """
    @notice Open the session that `permit` describes. Anyone may send it: the signature decides.
    @dev    The relayer root is not checked here; a wrong one fails when the session is first used.
    @return The session's id: keccak256(abi.encode(trader, relayerSetRoot, sessionSalt)).
    """
    assert permit.expiry > block.timestamp, "expired"
    assert permit.nonce == self.metaNonce[permit.trader], "bad_nonce"
    signer: address = self._signer(self._digest(permit), signature)
    assert signer == permit.trader and signer != empty(address), "bad_sig"

    sessionId: bytes32 = keccak256(abi_encode(permit.trader, permit.relayerSetRoot, permit.sessionSalt))
    assert self._sessions[sessionId].trader == empty(address), "session_exists"

    self.metaNonce[permit.trader] += 1
    self._sessions[sessionId] = Session(
        trader=permit.trader,
        relayerSetRoot=permit.relayerSetRoot,
        expiry=permit.expiry,
        maxNotionalPerTrade=permit.maxNotionalPerTrade,
        maxNotionalPerSession=permit.maxNotionalPerSession,
        sessionNotionalUsed=0,
        methodsBitmap=permit.methodsBitmap,
        revoked=False,
        restricted=len(permit.allowedMarkets) > 0,
    )
    for marketId: bytes32 in permit.allowedMarkets:
        self._allowed[sessionId][marketId] = True
    log SessionCreated(
        sessionId=sessionId,
        trader=permit.trader,
        relayerSetRoot=permit.relayerSetRoot,
        expiry=permit.expiry,
    )
    return sessionId


@external
def revokeSession(sessionId: bytes32):
    """
    @notice Revoke a session permanently. Revoking it again succeeds and changes nothing.
    """
    trader: address = self._sessions[sessionId].trader
    assert trader != empty(address), "session_unknown"
    assert msg.sender == trader or self.isRelayer[msg.sender], "not_relayer"
    if not self._sessions[sessionId].revoked:
        self._sessions[sessionId].revoked = True
        log SessionRevoked(sessionId=sessionId, trader=trader)


@external
def chargeSession(
    sessionId: bytes32,
    trader: address,
    methodBit: uint256,
    notional6: uint256,
    proof: DynArray[bytes32, MAX_PROOF],
    relayer: address,
):
    """
    @notice Check one action of a session and count its notional. Called by an order book.
    @param methodBit The method's bit in the permit's bitmap, 0 to 5.
    @param notional6 What the action may trade, 0 for a cancellation.
    @param relayer The sender of the action; `proof` is its path to the session's relayer root.
    """
    session: Session = self._sessions[sessionId]
    assert session.trader != empty(address), "session_unknown"
    assert session.trader == trader, "session_bad_trader"
    assert not session.revoked, "session_revoked"
    assert session.expiry > block.timestamp, "session_expired"

    marketId: bytes32 = self.marketOf[msg.sender]
    assert marketId != empty(bytes32), "session_orderbook_not_allowed"
    if session.restricted:
        assert self._allowed[sessionId][marketId], "session_orderbook_not_allowed"

    assert (convert(session.methodsBitmap, uint256) >> methodBit) & 1 == 1, "session_method_denied"
    if session.maxNotionalPerTrade > 0:
        assert notional6 <= session.maxNotionalPerTrade, "session_trade_cap"
    used6: uint256 = session.sessionNotionalUsed + notional6
    if session.maxNotionalPerSession > 0:
        assert used6 <= session.maxNotionalPerSession, "session_session_cap"
    assert self._root(relayer, proof) == session.relayerSetRoot, "session_bad_relayer"

    if notional6 > 0:
        self._sessions[sessionId].sessionNotionalUsed = used6


# ---- reads ----


@external
@view
def sessions(sessionId: bytes32) -> (address, bytes32, uint256, uint256, uint256, uint256, bytes32, bool):
    """
    @return trader, relayerSetRoot, expiry, maxNotionalPerTrade, maxNotionalPerSession,
            sessionNotionalUsed, methodsBitmap, revoked; all zero for a session that never was.
    """
    session: Session = self._sessions[sessionId]
    return (
        session.trader,
        session.relayerSetRoot,
        session.expiry,
        session.maxNotionalPerTrade,
        session.maxNotionalPerSession,
        session.sessionNotionalUsed,
        session.methodsBitmap,
        session.revoked,
    )


@external
@view
def domainSeparator() -> bytes32:
    return self._domainSeparator()


# ---- signature and proof ----


@internal
@view
def _domainSeparator() -> bytes32:
    return keccak256(
        abi_encode(DOMAIN_TYPEHASH, keccak256("DexetraMeta"), keccak256("1"), chain.id, self)
    )


@internal
@view
def _digest(permit: SessionPermit) -> bytes32:
    # An EIP-712 array is the hash of its bare elements: the ABI form without its two leading words.
    markets: Bytes[64 + 32 * MAX_MARKETS] = abi_encode(permit.allowedMarkets)
    marketsHash: bytes32 = keccak256(slice(markets, 64, 32 * len(permit.allowedMarkets)))
    permitHash: bytes32 = keccak256(
        abi_encode(
            PERMIT_TYPEHASH,
            permit.trader,
            permit.relayerSetRoot,
            permit.expiry,
            permit.maxNotionalPerTrade,
            permit.maxNotionalPerSession,
            permit.methodsBitmap,
            permit.sessionSalt,
            marketsHash,
            permit.nonce,
        )
    )
    return keccak256(concat(x"1901", self._domainSeparator(), permitHash))


@internal
@pure
def _signer(digest: bytes32, signature: Bytes[65]) -> address:
    """
    @return The signer; the zero address for an invalid signature.
    """
    if len(signature) != 65:
        return empty(address)
    r: bytes32 = extract32(signature, 0)
    s: bytes32 = extract32(signature, 32)
    v: uint256 = convert(slice(signature, 64, 1), uint256)
    if v < 27:
        v += 27
    return ecrecover(digest, v, r, s)


@internal
@pure
def _root(relayer: address, proof: DynArray[bytes32, MAX_PROOF]) -> bytes32:
    """
    @dev Pairs are hashed in sorted order, so a proof needs no directions.
    """
    node: bytes32 = keccak256(slice(convert(relayer, bytes32), 12, 20))
    for sibling: bytes32 in proof:
        if convert(node, uint256) <= convert(sibling, uint256):
            node = keccak256(concat(node, sibling))
        else:
            node = keccak256(concat(sibling, node))
    return node
