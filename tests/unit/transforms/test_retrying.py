"""Which errors of Milvus pass, which are about the data, and how a call is made again."""

from __future__ import annotations

import grpc
import pytest
from pymilvus.exceptions import DataNotMatchException, MilvusException, ParamError

from cliptrace.transforms.store import retrying
from cliptrace.transforms.store.retrying import is_refusal, is_transient, message_of, retried


class Rpc(grpc.RpcError):
    def __init__(self, code: grpc.StatusCode) -> None:
        self._code = code

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return f"it is {self._code.name}"


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


TRANSIENT = [
    MilvusException(2, "Fail connecting to server"),
    MilvusException(8, "rate limit exceeded"),
    MilvusException(101, "collection not loaded"),
    MilvusException(grpc.StatusCode.UNAVAILABLE, "connection refused"),
    MilvusException(1, "service not ready", 20),
    MilvusException(999, "newer servers say so themselves", retriable=True),
    Rpc(grpc.StatusCode.DEADLINE_EXCEEDED),
]
REFUSED = [
    MilvusException(65535, "value 'NaN' is not a number or infinity"),
    MilvusException(1100, "invalid parameter"),
    ParamError(message="invalid input for float32 vector"),
    DataNotMatchException(message="no such field"),
    Rpc(grpc.StatusCode.RESOURCE_EXHAUSTED),
]
NEITHER = [
    MilvusException(1, "unexpected"),
    MilvusException(100, "collection not found"),
    MilvusException(grpc.StatusCode.UNAUTHENTICATED, "who are you"),
    Rpc(grpc.StatusCode.UNAUTHENTICATED),
    ValueError("not Milvus's"),
]


@pytest.mark.parametrize(
    ("errors", "transient", "refusal"), [(TRANSIENT, True, False), (REFUSED, False, True), (NEITHER, False, False)]
)
def test_what_an_error_means(errors: list[Exception], transient: bool, refusal: bool) -> None:
    assert [is_transient(error) for error in errors] == [transient] * len(errors)
    assert [is_refusal(error) for error in errors] == [refusal] * len(errors)


def test_messages() -> None:
    assert message_of(Rpc(grpc.StatusCode.ABORTED)) == "it is ABORTED"
    assert message_of(MilvusException(1, "why")) == "why"
    assert message_of(ValueError("why")) == "why"


def test_a_call_is_made_until_it_succeeds_after_waits_that_double() -> None:
    clock, errors = Clock(), TRANSIENT[:4]

    def call() -> str:
        if errors:
            raise errors.pop()
        return "done"

    assert retried(call, sleep=clock.sleep, clock=clock, draw=lambda: 0.0) == "done"
    assert clock.slept == [0.2, 0.4, 0.8, 1.6]


def test_waits_are_drawn_between_a_half_and_the_whole() -> None:
    draws = iter([1.0, 0.5, 0.0])
    clock, errors = Clock(), TRANSIENT[:3]

    def call() -> None:
        if errors:
            raise errors.pop()

    retried(call, sleep=clock.sleep, clock=clock, draw=lambda: next(draws))
    assert clock.slept == pytest.approx([0.1, 0.3, 0.8])


def test_patience_ends() -> None:
    clock = Clock()

    def call() -> None:
        raise TRANSIENT[0]

    with pytest.raises(MilvusException) as caught:
        retried(call, sleep=clock.sleep, clock=clock, draw=lambda: 0.0)
    assert caught.value is TRANSIENT[0]
    assert retrying.PATIENCE_S - retrying.LONGEST_WAIT_S <= clock.now <= retrying.PATIENCE_S
    assert max(clock.slept) == retrying.LONGEST_WAIT_S


@pytest.mark.parametrize("error", [*REFUSED, *NEITHER])
def test_what_does_not_pass_is_not_tried_again(error: Exception) -> None:
    clock = Clock()

    def call() -> None:
        raise error

    with pytest.raises(type(error)):
        retried(call, sleep=clock.sleep, clock=clock)
    assert clock.slept == []
