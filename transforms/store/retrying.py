"""Milvus's errors: which pass by themselves, which are about the data; calls that are made again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

import grpc

T = TypeVar("T")

CALL_S = 60.0
"""Longest time of one call; pymilvus itself connects again within it where the connection was lost."""
WORK_S = 600.0
"""The same where Milvus has work to do before it answers: loading a collection, sealing segments."""
PATIENCE_S = 120.0
"""How long a call is made again. A standalone server that was killed answers again after about 30 s."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 10.0

TRANSIENT_RPC = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.ABORTED})
TRANSIENT_CODES = {
    2: "service unavailable, also pymilvus's own for a connection that cannot be made",
    4: "request limit exceeded",
    8: "rate limit exceeded",
    101: "collection not loaded: a server that has just started loads it again by itself",
    103: "collection not fully loaded",
    503: "channel not available",
}
"""Codes of Milvus's errors that pass by themselves. Newer servers also say which do (``retriable``)."""
_NOT_READY = 20
"""Of the older kind of codes, in which a server that is starting says so."""
REFUSALS = {
    6: "illegal argument, from the embedded store",
    1100: "invalid parameter",
    65535: "what has no code of its own: servers of 2.3 refuse values that are no numbers so",
}
"""Codes of an upsert that may be about what is in a row. 65535 may mean anything else as well."""


def is_transient(error: Exception) -> bool:
    """Whether the same call may succeed in a while."""
    from pymilvus.exceptions import MilvusException

    if isinstance(error, grpc.RpcError):
        return error.code() in TRANSIENT_RPC
    return isinstance(error, MilvusException) and (
        error.code in TRANSIENT_RPC
        or error.code in TRANSIENT_CODES
        or error.compatible_code == _NOT_READY
        or error.retriable
    )


def is_refusal(error: Exception) -> bool:
    """Whether fewer rows may be taken: what one of them holds is refused, or they are too many for one message."""
    from pymilvus.exceptions import DataNotMatchException, MilvusException, ParamError

    if isinstance(error, grpc.RpcError):
        return error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    return isinstance(error, (ParamError, DataNotMatchException)) or (
        isinstance(error, MilvusException) and error.code in REFUSALS and not is_transient(error)
    )


def message_of(error: Exception) -> str:
    return str(error.details() if isinstance(error, grpc.RpcError) else getattr(error, "message", error))


def retried(
    call: Callable[[], T],
    *,
    sleep: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    draw: Callable[[], float] = random.random,
) -> T:
    """What ``call`` returns. Its error, where that is not transient or is still there after PATIENCE_S.

    Waits double from FIRST_WAIT_S to LONGEST_WAIT_S; of each a random half is left out, so that workers that failed
    together do not come back together.
    """
    wait_s, give_up = FIRST_WAIT_S, clock() + PATIENCE_S
    while True:
        try:
            return call()
        except Exception as error:
            if not is_transient(error) or clock() + wait_s > give_up:
                raise
        sleep(wait_s * (1 - draw() / 2))
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)
