"""Verdicts to a real HTTP server of this machine: in order, signed, none lost while it is down."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from cliptrace.schemas.errors import UsageError
from cliptrace.schemas.verdicts import Policy
from cliptrace.transforms.dedup import webhook
from cliptrace.transforms.dedup.arbiter import Arbiter
from cliptrace.transforms.dedup.log import Log
from cliptrace.transforms.dedup.webhook import check_url, deliver, post, undelivered
from tests.unit.transforms.dedup_examples import judgement, whole


class Endpoint:
    """Answers with the next of ``answers``, or 204; keeps what it was sent."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.requests: list[tuple[dict[str, str], bytes]] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                endpoint.requests.append((dict(self.headers), body))
                self.send_response(endpoint.answers.pop(0) if endpoint.answers else 204)
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/events"

    @property
    def events(self) -> list[str]:
        return [json.loads(body)["video_id"] for _, body in self.requests]


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    monkeypatch.setattr(webhook, "_WAITS_S", (0.01, 0.01))
    made = Endpoint()
    threading.Thread(target=made.server.serve_forever, daemon=True).start()
    yield made
    made.server.shutdown()
    made.server.server_close()


def log_of(folder: Path, *video_ids: str) -> Log:
    log = Log(str(folder), 365)
    arbiter = Arbiter(Log(str(folder), 365), Policy())
    for video_id in video_ids:
        arbiter.hear(judgement(video_id))
    return log


def test_events_arrive_in_order_and_once(endpoint: Endpoint, tmp_path: Path) -> None:
    log = log_of(tmp_path, "a", "b")
    assert deliver(log, lambda line: post(endpoint.url, line)) == 2
    log_of(tmp_path, "c")
    assert deliver(log, lambda line: post(endpoint.url, line)) == 1
    assert endpoint.events == ["a", "b", "c"]
    headers, body = endpoint.requests[0]
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Cliptrace-Event"] == json.loads(body)["event_id"]
    assert "X-Cliptrace-Signature" not in headers


def test_events_are_signed(endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIPTRACE_WEBHOOK_SECRET", "between us")
    deliver(log_of(tmp_path, "a"), lambda line: post(endpoint.url, line))
    ((headers, body),) = endpoint.requests
    time, given = (part.partition("=")[2] for part in headers["X-Cliptrace-Signature"].split(","))
    assert given == hmac.new(b"between us", time.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert body in (next(tmp_path.glob("verdicts-*.jsonl")).read_bytes())


def test_an_endpoint_that_is_down_for_a_while_loses_nothing(endpoint: Endpoint, tmp_path: Path) -> None:
    log = log_of(tmp_path, "a", "b")
    endpoint.answers = [204, 503, 503, 503]
    assert deliver(log, lambda line: post(endpoint.url, line)) == 1
    assert undelivered(log) == 1
    assert deliver(log, lambda line: post(endpoint.url, line)) == 1
    assert undelivered(log) == 0
    assert endpoint.events == ["a", "b", "b", "b", "b"]


def test_nobody_there_is_the_same(tmp_path: Path, endpoint: Endpoint) -> None:
    log = log_of(tmp_path, "a")
    assert deliver(log, lambda line: post("http://127.0.0.1:9/", line)) == 0
    assert undelivered(log) == 1


def test_an_event_that_is_refused_is_a_dead_letter_and_the_next_goes_on(endpoint: Endpoint, tmp_path: Path) -> None:
    log = log_of(tmp_path, "a", "b")
    endpoint.answers = [400]
    assert deliver(log, lambda line: post(endpoint.url, line)) == 1
    (failure,) = (json.loads(line) for line in next(tmp_path.glob("failures-*.jsonl")).read_text().splitlines())
    assert (failure["video_id"], failure["stage"], failure["message"]) == ("a", "webhook", "the webhook answers 400")
    assert endpoint.events == ["a", "b"]


def test_no_redirect_is_followed(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.answers = [302]
    assert deliver(log_of(tmp_path, "a"), lambda line: post(endpoint.url, line)) == 0
    assert len(endpoint.requests) == 1


def test_a_dead_letter_of_the_webhook_is_no_judgement(endpoint: Endpoint, tmp_path: Path) -> None:
    log = log_of(tmp_path, "a")
    endpoint.answers = [400]
    deliver(log, lambda line: post(endpoint.url, line))
    (verdict,) = Arbiter(Log(str(tmp_path), 365), Policy()).hear(judgement("b", whole("a")))
    assert verdict.canonical_id == "a"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://host/x", "--webhook: must be http://… or https://…"),
        ("file:///etc/passwd", "--webhook: must be http://… or https://…"),
        ("host/x", "--webhook: must be http://… or https://…"),
        (
            "https://user:word@host/",
            "--webhook: no password in the address; events are signed with CLIPTRACE_WEBHOOK_SECRET",
        ),
    ],
)
def test_what_is_no_address_is_refused(url: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        check_url(url)
    assert str(error.value) == message


def test_an_endpoint_that_is_down_is_tried_once_a_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []
    monkeypatch.setattr(webhook, "deliver", lambda *_: tries.append(1) or 0)
    with beam.Pipeline(FnApiRunner()) as pipeline:
        pipeline | beam.Create(range(500)) | webhook.Deliver(Log(str(tmp_path), 365), "http://x")
    assert len(tries) < 50
