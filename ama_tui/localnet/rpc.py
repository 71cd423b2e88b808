"""JSON-RPC 2.0 over the embedded chain: envelopes, batches and errors. The methods are in rpc_methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
SERVER_ERROR: Final = -32000
REVERTED: Final = 3
"""The code Ethereum clients use for a revert, with the revert data."""

RpcMethod = Callable[[list[Any]], Any]


class JsonRpcError(Exception):
    """A JSON-RPC error response."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


def respond(methods: Mapping[str, RpcMethod], body: bytes) -> bytes:
    """Respond to a request or a batch. Empty if it held only notifications."""
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError:
        return orjson.dumps(_error(None, JsonRpcError(PARSE_ERROR, "parse error")))
    if not isinstance(request, list):
        single = _respond_to(methods, request)
        return b"" if single is None else orjson.dumps(single)
    if not request:
        return orjson.dumps(_error(None, JsonRpcError(INVALID_REQUEST, "empty batch")))
    replies = [reply for each in request if (reply := _respond_to(methods, each)) is not None]
    return orjson.dumps(replies) if replies else b""


def refuse(message: str) -> bytes:
    """The response to a request that is not read at all."""
    return orjson.dumps(_error(None, JsonRpcError(INVALID_REQUEST, message)))


def _respond_to(methods: Mapping[str, RpcMethod], request: Any) -> dict[str, Any] | None:
    if not isinstance(request, dict) or not isinstance(request.get("method"), str):
        return _error(None, JsonRpcError(INVALID_REQUEST, "invalid request"))
    identifier = request.get("id")
    try:
        method = methods.get(request["method"])
        if method is None:
            raise JsonRpcError(METHOD_NOT_FOUND, f"the method {request['method']} does not exist/is not available")
        params = request.get("params") or []
        if not isinstance(params, list):
            raise JsonRpcError(INVALID_PARAMS, "params must be an array")
        result = method(params)
    except JsonRpcError as error:
        reply = _error(identifier, error)
    except Exception as error:
        reply = _error(identifier, JsonRpcError(INTERNAL_ERROR, f"internal error: {error!r}"))
    else:
        reply = {"jsonrpc": "2.0", "id": identifier, "result": result}
    return reply if "id" in request else None


def _error(identifier: Any, error: JsonRpcError) -> dict[str, Any]:
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data is not None:
        body["data"] = error.data
    return {"jsonrpc": "2.0", "id": identifier, "error": body}
