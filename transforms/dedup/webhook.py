"""Verdicts to an HTTP endpoint: in the log's order, at least once, each signed.

What is sent are the log's own lines, from where the last delivery ended, which OUTPUT/webhook.json says: an endpoint
that is down, or a job that died between a verdict and its delivery, costs time and no event.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import json
import os
import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import apache_beam as beam

from cliptrace.schemas.errors import UsageError
from cliptrace.schemas.records import Failure
from cliptrace.transforms import telemetry
from cliptrace.transforms.dedup.log import VERDICTS, Log
from cliptrace.transforms.store import files

SECRET_VARIABLE = "CLIPTRACE_WEBHOOK_SECRET"  # noqa: S105 - the name of the variable, not a secret
_CURSOR = "webhook.json"
_WAITS_S = (0.5, 1.0, 2.0, 4.0)
_TIMEOUT_S = 10.0
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


class RefusedError(Exception):
    """The endpoint wants none of it, now or later."""


class UnreachableError(Exception):
    """The endpoint may want it later."""


def check_url(url: str) -> None:
    """UsageError where no event could be posted there, or where the address holds a secret. No message repeats it."""
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise UsageError(f"--webhook: no password in the address; events are signed with {SECRET_VARIABLE}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError("--webhook: must be http://… or https://…")


class Deliver(beam.PTransform):
    """Verdicts → nothing. Each is the occasion to deliver all that the log has and the endpoint has not."""

    def __init__(self, log: Log, url: str) -> None:
        super().__init__()
        self._log, self._url = log, url

    def expand(self, verdicts: beam.PCollection) -> beam.PCollection:
        return (
            verdicts
            | "Occasions" >> beam.Map(lambda verdict: None)
            | "AwayFromTheLog" >> beam.Reshuffle()  # which must not wait for the endpoint
            | "Post" >> beam.ParDo(_DeliverDoFn(self._log, self._url))
        )


class _DeliverDoFn(beam.DoFn):
    def __init__(self, log: Log, url: str) -> None:
        self._log, self._url = log, url

    def process(self, occasion: None) -> None:
        """See finish_bundle."""

    def finish_bundle(self) -> None:
        """Once for all occasions of a bundle: an endpoint that is down is not waited for by each."""
        with telemetry.timed("webhook"):
            delivered = deliver(self._log, lambda line: post(self._url, line))
        telemetry.count("events_delivered", delivered)


def deliver(log: Log, send: Callable[[bytes], None]) -> int:
    """Send every line of the log that was not sent, oldest first; one that is refused becomes a dead letter.

    Stops where the endpoint cannot be reached: the next call goes on. Returns the number of lines that were taken.
    """
    delivered = 0
    with _cursor(log.folder) as cursor:
        for path in files.find(log.folder, f"{VERDICTS}-*.jsonl"):
            name = _name(path)
            if name < cursor["shard"]:
                continue
            if name > cursor["shard"]:
                cursor |= {"shard": name, "offset": 0}
            data = files.read_bytes(path)
            while end := data.find(b"\n", cursor["offset"]) + 1:
                line = data[cursor["offset"] : end - 1]
                try:
                    send(line)
                    delivered += 1
                except RefusedError as error:
                    telemetry.count("webhook_failures")
                    with log.held():
                        log.append([_dead_letter(json.loads(line), str(error))])
                except UnreachableError:
                    return delivered
                cursor["offset"] = end
    return delivered


def undelivered(log: Log) -> int:
    """Events that the endpoint has not got yet."""
    with _cursor(log.folder) as cursor:
        waiting = [path for path in files.find(log.folder, f"{VERDICTS}-*.jsonl") if _name(path) >= cursor["shard"]]
        return sum(
            files.read_bytes(path)[cursor["offset"] if _name(path) == cursor["shard"] else 0 :].count(b"\n")
            for path in waiting
        )


def post(url: str, line: bytes) -> None:
    """One event, signed with what CLIPTRACE_WEBHOOK_SECRET holds; tried again while the reason may pass."""
    for wait_s in (*_WAITS_S, None):
        try:
            return _post_once(url, line)
        except UnreachableError:
            if wait_s is None:
                raise
            time.sleep(wait_s * random.uniform(0.5, 1.5))  # noqa: S311 - so that workers do not come all at once


def signature(line: bytes, sent: int, secret: str) -> str:
    """Of the header X-Cliptrace-Signature: HMAC-SHA256 of the time, a dot and the body."""
    digest = hmac.new(secret.encode(), f"{sent}.".encode() + line, hashlib.sha256).hexdigest()
    return f"t={sent},v1={digest}"


def _post_once(url: str, line: bytes) -> None:
    headers = {"Content-Type": "application/json", "X-Cliptrace-Event": json.loads(line)["event_id"]}
    if secret := os.environ.get(SECRET_VARIABLE):
        headers["X-Cliptrace-Signature"] = signature(line, int(time.time()), secret)
    request = urllib.request.Request(url, line, headers, method="POST")  # noqa: S310 - http or https: check_url
    try:
        with _opener.open(request, timeout=_TIMEOUT_S):
            return
    except urllib.error.HTTPError as error:
        kind = UnreachableError if error.code in _PASSING else RefusedError
        raise kind(f"the webhook answers {error.code}") from error
    except (OSError, http.client.HTTPException) as error:
        raise UnreachableError(str(error)) from error


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """An event goes where it was meant to go."""

    def redirect_request(self, *_: object) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirects)


@contextlib.contextmanager
def _cursor(folder: str) -> Iterator[dict[str, Any]]:
    """Where the next event stands; kept at the end. Held by one at a time, where there are locks."""
    path = files.join(folder, _CURSOR)
    with files.held(folder, ".webhook-lock"):
        before = json.loads(files.read_bytes(path)) if files.exists(path) else {"shard": "", "offset": 0}
        cursor = dict(before)
        try:
            yield cursor
        finally:
            if cursor != before:
                files.write_bytes(path, json.dumps(cursor).encode())


def _name(path: str) -> str:
    return path.rsplit("/", 1)[1]


def _dead_letter(event: dict[str, str], message: str) -> Failure:
    return Failure(
        event["uri"], event["video_id"], "webhook", "RefusedError", message, event["fingerprint"], time=time.time()
    )
