# pragma version 0.4.3
# pragma evm-version cancun
"""
@title Multicall3
@notice Many calls in one, with the standard interface of Multicall3.
@dev    Bounded as Vyper must be: 500 calls of 256 bytes each, 64 KiB for one result and 384 KiB for
        all of them; past a bound the whole call reverts. An array of typed results would take its
        full bound of memory for each element, so the results' ABI encoding is put together by hand,
        in two tiers so that appending stays cheap.
"""

MAX_CALLS: constant(uint256) = 500
MAX_CALLDATA: constant(uint256) = 256
MAX_RESULT: constant(uint256) = 65_408
MAX_CHUNK: constant(uint256) = 65_536
MAX_BODY: constant(uint256) = 393_216
MAX_HEAD: constant(uint256) = 96
MAX_HEADS: constant(uint256) = 64 + 32 * MAX_CALLS
MAX_ANSWER: constant(uint256) = MAX_HEAD + MAX_HEADS + MAX_BODY + MAX_CHUNK

struct Call:
    target: address
    callData: Bytes[MAX_CALLDATA]

struct Call3:
    target: address
    allowFailure: bool
    callData: Bytes[MAX_CALLDATA]

struct Call3Value:
    target: address
    allowFailure: bool
    value: uint256
    callData: Bytes[MAX_CALLDATA]


# ---- many calls ----


@external
@payable
@raw_return
def aggregate(calls: DynArray[Call, MAX_CALLS]) -> Bytes[MAX_ANSWER]:
    return self._run(self._same(calls, False), abi_encode(block.number, convert(64, uint256)), False)


@external
@payable
@raw_return
def tryAggregate(requireSuccess: bool, calls: DynArray[Call, MAX_CALLS]) -> Bytes[MAX_ANSWER]:
    return self._run(self._same(calls, not requireSuccess), abi_encode(convert(32, uint256)), True)


@external
@payable
@raw_return
def blockAndAggregate(calls: DynArray[Call, MAX_CALLS]) -> Bytes[MAX_ANSWER]:
    return self._run(self._same(calls, False), self._blockHead(), True)


@external
@payable
@raw_return
def tryBlockAndAggregate(requireSuccess: bool, calls: DynArray[Call, MAX_CALLS]) -> Bytes[MAX_ANSWER]:
    return self._run(self._same(calls, not requireSuccess), self._blockHead(), True)


@external
@payable
@raw_return
def aggregate3(calls: DynArray[Call3, MAX_CALLS]) -> Bytes[MAX_ANSWER]:
    full: DynArray[Call3Value, MAX_CALLS] = []
    for call: Call3 in calls:
        full.append(
            Call3Value(
                target=call.target, allowFailure=call.allowFailure, value=0, callData=call.callData
            )
        )
    return self._run(full, abi_encode(convert(32, uint256)), True)


@external
@payable
@raw_return
def aggregate3Value(calls: DynArray[Call3Value, MAX_CALLS]) -> Bytes[MAX_ANSWER]:
    total: uint256 = 0
    for call: Call3Value in calls:
        total += call.value
    assert msg.value == total, "Multicall3: value mismatch"
    return self._run(calls, abi_encode(convert(32, uint256)), True)


@internal
@pure
def _same(calls: DynArray[Call, MAX_CALLS], allowFailure: bool) -> DynArray[Call3Value, MAX_CALLS]:
    full: DynArray[Call3Value, MAX_CALLS] = []
    for call: Call in calls:
        full.append(
            Call3Value(target=call.target, allowFailure=allowFailure, value=0, callData=call.callData)
        )
    return full


@internal
@view
def _blockHead() -> Bytes[MAX_HEAD]:
    return abi_encode(block.number, self._parentHash(), convert(96, uint256))


@internal
def _run(
    calls: DynArray[Call3Value, MAX_CALLS], head: Bytes[MAX_HEAD], flagged: bool
) -> Bytes[MAX_ANSWER]:
    """
    @param head The return data before the array of results.
    @param flagged Whether a result is (bool success, bytes returnData) or only the bytes.
    @return The return data: `head`, then the array's length, its offsets and its elements.
    """
    offsets: DynArray[uint256, MAX_CALLS] = []
    body: Bytes[MAX_BODY] = b""
    chunk: Bytes[MAX_CHUNK] = b""
    for call: Call3Value in calls:
        success: bool = False
        data: Bytes[MAX_RESULT] = b""
        success, data = raw_call(
            call.target, call.callData, value=call.value, max_outsize=MAX_RESULT, revert_on_failure=False
        )
        assert success or call.allowFailure, "Multicall3: call failed"
        assert len(data) < MAX_RESULT, "Multicall3: result too long"
        element: Bytes[MAX_RESULT + 96] = abi_encode(success, data)
        if not flagged:
            element = slice(element, 64, len(element) - 64)
        offsets.append(32 * len(calls) + len(body) + len(chunk))
        if len(chunk) + len(element) > MAX_CHUNK:
            body = convert(concat(body, chunk), Bytes[MAX_BODY])
            chunk = b""
        chunk = convert(concat(chunk, element), Bytes[MAX_CHUNK])
    heads: Bytes[MAX_HEADS] = abi_encode(offsets)
    return concat(head, slice(heads, 32, 32 + 32 * len(calls)), body, chunk)


# ---- the block ----


@external
@view
def getBlockNumber() -> uint256:
    return block.number


@external
@view
def getBlockHash(blockNumber: uint256) -> bytes32:
    return blockhash(blockNumber)


@external
@view
def getLastBlockHash() -> bytes32:
    return self._parentHash()


@external
@view
def getCurrentBlockTimestamp() -> uint256:
    return block.timestamp


@external
@view
def getCurrentBlockGasLimit() -> uint256:
    return block.gaslimit


@external
@view
def getCurrentBlockCoinbase() -> address:
    return block.coinbase


@external
@view
def getCurrentBlockDifficulty() -> uint256:
    return convert(block.prevrandao, uint256)


@external
@view
def getEthBalance(addr: address) -> uint256:
    return addr.balance


@external
@view
def getBasefee() -> uint256:
    return block.basefee


@external
@view
def getChainId() -> uint256:
    return chain.id


@internal
@view
def _parentHash() -> bytes32:
    return blockhash(block.number - 1)
