"""Uploads that a bucket of Google Cloud Storage tells of through Pub/Sub: message → VideoSource."""

from __future__ import annotations

import datetime
import importlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import apache_beam as beam
from apache_beam.io.gcp.pubsub import ReadFromPubSub, parse_subscription
from apache_beam.transforms.deduplicate import DeduplicatePerKey

from cliptrace.schemas.errors import CliptraceError, MediaError, UsageError
from cliptrace.schemas.gallery import MAX_ID_BYTES
from cliptrace.schemas.records import VideoSource
from cliptrace.schemas.text import printable
from cliptrace.transforms.isolation import Results, RunIsolated
from cliptrace.transforms.sources import is_video

FINALIZE = "OBJECT_FINALIZE"
"""The event of an object that is there as a whole, new or in place of another."""

_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_REPEATED_S = 600.0
"""Seconds for which a second message of the same object is recognised. A later one costs work, and changes nothing."""
_NAMED_BYTES = 1000


def parse_notification(data: bytes, attributes: Mapping[str, str]) -> VideoSource | None:
    """The video that a message tells of; None for any other event, and for objects whose names are not those of videos.

    data: the object's resource as JSON. attributes: eventType, bucketId, objectId. The id is the object's name; the
    fingerprint is what ``fingerprints.remote_fingerprint`` says of the same object when its bucket is listed.
    MediaError for a message that no bucket sends.
    """
    if attributes.get("eventType") != FINALIZE:
        return None
    if "objectId" in attributes and not is_video(attributes["objectId"]):
        return None  # whatever else is wrong with it
    resource = _resource(data)
    bucket, name = _text(resource, "bucket"), _text(resource, "name")
    for key, said, told in (("bucketId", "bucket", bucket), ("objectId", "name", name)):
        if attributes.get(key, told) != told:
            raise MediaError(f"notification: {key} and the payload's {said} name different objects")
    if not _BUCKET.fullmatch(bucket):
        raise MediaError("notification: bucket is not the name of a bucket")
    if "\0" in name:
        raise MediaError("notification: name holds a NUL character")
    if len(name.encode()) > MAX_ID_BYTES:
        raise MediaError(f"notification: name is longer than {MAX_ID_BYTES} bytes")
    if not is_video(name):
        return None
    fingerprint = f"{_size(resource)}-{_seconds(_text(resource, 'updated'))}"
    return VideoSource(name, f"gs://{bucket}/{name}", fingerprint)


def _resource(data: bytes) -> Mapping[str, Any]:
    if not data:
        raise MediaError("notification: no payload: create the bucket's notification with --payload-format=json")
    try:
        resource = json.loads(data)
    except (ValueError, RecursionError):
        raise MediaError("notification: payload is not JSON") from None
    if not isinstance(resource, dict):
        raise MediaError("notification: payload is not a JSON object")
    return resource


def _text(resource: Mapping[str, Any], key: str) -> str:
    value = resource.get(key)
    if not isinstance(value, str) or not value:
        raise MediaError(f"notification: {key} is not a text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise MediaError(f"notification: {key} is not UTF-8") from None
    return value


def _size(resource: Mapping[str, Any]) -> int:
    """Bytes. The resource has 64-bit numbers as text."""
    size = _text(resource, "size")
    if not (size.isascii() and size.isdigit() and len(size) < 20):
        raise MediaError("notification: size is not a number of bytes")
    return int(size)


def _seconds(time: str) -> float:
    """Seconds since 1970, added up as Beam's filesystem of gs:// does: the last digit is part of a fingerprint."""
    try:
        updated = datetime.datetime.fromisoformat(time)
        if updated.tzinfo is None:
            raise ValueError(time)
        return updated.replace(microsecond=0).timestamp() + updated.microsecond / 1000000.0
    except (ValueError, OverflowError):
        raise MediaError("notification: updated is not a time as in RFC 3339") from None


class Notifications(beam.PTransform):
    """Pipeline → VideoSources of the objects that arrive in a bucket, and dead letters of messages that make no sense.

    subscription: projects/PROJECT/subscriptions/NAME, for a streaming job on a runner with Pub/Sub (Dataflow).
    """

    def __init__(self, subscription: str) -> None:
        super().__init__()
        try:
            parse_subscription(subscription)
        except ValueError:
            raise UsageError(f"--notifications {subscription}: must be projects/PROJECT/subscriptions/NAME") from None
        self._subscription = subscription

    def expand(self, begin: Any) -> Results:
        return begin | "ReadNotifications" >> _reader(self._subscription) | "Parse" >> ParseNotifications()


class ParseNotifications(beam.PTransform):
    """PubsubMessages → VideoSources and dead letters.

    Pub/Sub delivers again, and a bucket may tell twice. The reader's ``id_label`` cannot help: it takes one attribute,
    and a generation tells versions of one object apart, not objects.
    """

    def expand(self, messages: beam.PCollection) -> Results:
        parsed = messages | "ParseMessages" >> RunIsolated(_Parse(), "notification", named_by)
        sources = (
            parsed.good
            | "KeyByObject" >> beam.Map(lambda source: (f"{source.uri} {source.fingerprint}", source))
            | "DropRepeated" >> DeduplicatePerKey(processing_time_duration=_REPEATED_S)
            | "Sources" >> beam.Values()
        )
        return Results(sources, parsed.failures)


class _Parse:
    """PubsubMessage → VideoSource."""

    def open(self) -> None: ...

    def __call__(self, message: Any) -> Iterator[VideoSource]:
        if source := parse_notification(message.data or b"", message.attributes or {}):
            yield source

    def close(self) -> None: ...


def named_by(message: Any) -> VideoSource:
    """What a message says that it is about, for its dead letter."""
    attributes = message.attributes or {}
    bucket, name = (printable(attributes.get(key, ""))[:_NAMED_BYTES] for key in ("bucketId", "objectId"))
    return VideoSource(name or "notification", f"gs://{bucket}/{name}")


def _reader(subscription: str) -> beam.PTransform:
    try:
        importlib.import_module("google.cloud.pubsub")  # Beam's own import of it fails in silence
    except ImportError:
        raise CliptraceError("--notifications needs Google's client of Pub/Sub: pip install 'cliptrace[gcp]'") from None
    return ReadFromPubSub(subscription=subscription, with_attributes=True)
