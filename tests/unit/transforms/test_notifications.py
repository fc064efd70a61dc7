"""What a bucket tells of through Pub/Sub: which messages name a video, and what becomes of those that make no sense."""

from __future__ import annotations

import contextlib
import datetime
import json
import sys
import time
import types
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.io.gcp.pubsub import PubsubMessage
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing import test_stream
from apache_beam.testing.util import assert_that, equal_to
from hypothesis import given
from hypothesis import strategies as st

from cliptrace.schemas.errors import CliptraceError, MediaError, UsageError
from cliptrace.schemas.records import VideoSource
from cliptrace.transforms.dedup.notifications import Notifications, ParseNotifications, parse_notification

RESOURCE = {
    "kind": "storage#object",
    "name": "a/film.mp4",
    "bucket": "uploads",
    "generation": "1704164645123456",
    "contentType": "video/mp4",
    "size": "4711",
    "updated": "2024-01-02T03:04:05.123Z",
}
ATTRIBUTES = {
    "eventType": "OBJECT_FINALIZE",
    "payloadFormat": "JSON_API_V1",
    "bucketId": "uploads",
    "objectId": "a/film.mp4",
    "objectGeneration": "1704164645123456",
}
FILM = VideoSource("a/film.mp4", "gs://uploads/a/film.mp4", "4711-1704164645.123")


def message(attributes: dict[str, str] | None = None, **changes: Any) -> tuple[bytes, dict[str, str]]:
    """The film's message, with another payload; attributes agree with it unless they are given."""
    resource = {**RESOURCE, **changes}
    said = {"bucketId": resource["bucket"], "objectId": resource["name"]}
    return json.dumps(resource).encode(), {**ATTRIBUTES, **said, **(attributes or {})}


def test_an_upload_is_a_video() -> None:
    assert parse_notification(*message()) == FILM
    assert parse_notification(json.dumps(RESOURCE).encode(), {"eventType": "OBJECT_FINALIZE"}) == FILM


TIMES = st.datetimes(datetime.datetime(2006, 1, 1), datetime.datetime(2100, 1, 1), timezones=st.just(datetime.UTC))


def fingerprint_of(updated: datetime.datetime) -> str:
    said = updated.isoformat(timespec="microseconds").replace("+00:00", "Z")
    source = parse_notification(*message(updated=said))
    assert source is not None
    return source.fingerprint


@given(TIMES)
def test_the_fingerprint_is_that_of_a_listing(updated: datetime.datetime) -> None:
    """To the last digit of a float: Beam's gs:// filesystem adds whole seconds and microseconds."""
    listed = time.mktime(updated.timetuple()) - time.timezone + updated.microsecond / 1000000.0
    assert fingerprint_of(updated) == f"4711-{listed}"


def test_beams_filesystem_says_the_same() -> None:
    pytest.importorskip("google.cloud.storage", reason="needs cliptrace[gcp]")
    from apache_beam.io.gcp.gcsio import GcsIO

    for microsecond in range(0, 1_000_000, 997):
        updated = datetime.datetime(2026, 1, 2, 3, 4, 5, microsecond, datetime.UTC)
        assert fingerprint_of(updated) == f"4711-{GcsIO._updated_to_seconds(updated)}"


@pytest.mark.parametrize("event", ["OBJECT_DELETE", "OBJECT_ARCHIVE", "OBJECT_METADATA_UPDATE", "", "object_finalize"])
def test_other_events_are_nothing(event: str) -> None:
    assert parse_notification(*message({"eventType": event})) is None
    assert parse_notification(b"\xff", {"eventType": event}) is None
    assert parse_notification(b"\xff", {}) is None


@pytest.mark.parametrize("name", ["a/notes.txt", "a/", "film", "a/.film.mp4", ".trash/film.mp4", "mp4"])
def test_what_is_no_video_by_its_name_is_nothing(name: str) -> None:
    data, attributes = message(name=name)
    assert parse_notification(data, attributes) is None
    del attributes["objectId"]
    assert parse_notification(data, attributes) is None


LONG = "é" * 2050 + ".mp4"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no payload: create the bucket's notification with --payload-format=json"),
        (b"no json", "payload is not JSON"),
        (b"\xff\xfe{", "payload is not JSON"),
        (b"[" * 100_000, "payload is not JSON"),
        (b"1" * 5000, "payload is not JSON"),
        (b"[]", "payload is not a JSON object"),
        (message(bucket=None)[0], "bucket is not a text"),
        (message(bucket="a/b")[0], "bucket is not the name of a bucket"),
        (message(bucket="b\nucket")[0], "bucket is not the name of a bucket"),
        (message(bucket="b" * 300)[0], "bucket is not the name of a bucket"),
        (message(name=None)[0], "name is not a text"),
        (message(name=["a.mp4"])[0], "name is not a text"),
        (message(name="a\0.mp4")[0], "name holds a NUL character"),
        (message(name="\ud800.mp4")[0], "name is not UTF-8"),
        (message(name=LONG)[0], "name is longer than 4096 bytes"),
        (message(size=None)[0], "size is not a text"),
        (message(size="many")[0], "size is not a number of bytes"),
        (message(size="-1")[0], "size is not a number of bytes"),
        (message(size="٣")[0], "size is not a number of bytes"),
        (message(size="9" * 20)[0], "size is not a number of bytes"),
        (message(updated="")[0], "updated is not a text"),
        (message(updated="yesterday")[0], "updated is not a time as in RFC 3339"),
        (message(updated="2024-01-02T03:04:05")[0], "updated is not a time as in RFC 3339"),
    ],
)
def test_what_no_bucket_sends_is_told(data: bytes, why: str) -> None:
    with pytest.raises(MediaError) as caught:
        parse_notification(data, {"eventType": "OBJECT_FINALIZE"})
    assert str(caught.value) == f"notification: {why}"


@pytest.mark.parametrize(("key", "said"), [("bucketId", "bucket"), ("objectId", "name")])
def test_attributes_and_payload_name_the_same_object(key: str, said: str) -> None:
    with pytest.raises(MediaError) as caught:
        parse_notification(*message({key: "another.mp4"}))
    assert str(caught.value) == f"notification: {key} and the payload's {said} name different objects"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
PAYLOADS = st.binary() | st.dictionaries(st.sampled_from(sorted(RESOURCE)), JSON).map(
    lambda changes: json.dumps({**RESOURCE, **changes}).encode()
)
KEYS = st.sampled_from(["eventType", "bucketId", "objectId", "objectGeneration"])


@given(PAYLOADS, st.dictionaries(KEYS, st.text() | st.sampled_from(["uploads", "a/film.mp4"])))
def test_nothing_else_than_a_video_nothing_or_an_error_of_ours(data: bytes, attributes: dict[str, str]) -> None:
    source = None
    with contextlib.suppress(MediaError):
        source = parse_notification(data, {"eventType": "OBJECT_FINALIZE", **attributes})
    if source is not None:
        assert source.uri == f"gs://{source.uri[5:].split('/', 1)[0]}/{source.video_id}"
        assert 0 < len(source.video_id.encode()) <= 4096
        assert "\0" not in source.video_id
        size, _, changed = source.fingerprint.partition("-")
        assert int(size) >= 0
        float(changed)


def test_messages_become_videos_once_and_dead_letters() -> None:
    data, attributes = message()
    newer, _ = message(updated="2024-01-03T00:00:00Z")
    messages = [
        PubsubMessage(data, attributes, "1"),
        PubsubMessage(data, attributes, "2"),
        PubsubMessage(newer, attributes, "3"),
        PubsubMessage(b"{}", {"eventType": "OBJECT_DELETE"}, "4"),
        PubsubMessage(b"no json", {**attributes, "objectId": "b\x1b.mp4"}, "5"),
        PubsubMessage(b"no json", {"eventType": "OBJECT_FINALIZE"}, "6"),
        PubsubMessage(None, {"eventType": "OBJECT_FINALIZE"}, "7"),
    ]
    stream = test_stream.TestStream().add_elements(messages).advance_watermark_to_infinity()
    stream = stream.advance_processing_time(3600)
    # The in-process runner for batches has no timers of the real clock.
    with beam.Pipeline(BundleBasedDirectRunner(), options=PipelineOptions(["--streaming"])) as pipeline:
        results = pipeline | stream | ParseNotifications()
        (failures,) = results.failures
        told = failures | beam.Map(lambda failure: (failure.video_id, failure.uri, failure.stage, failure.message))
        assert_that(results.good, equal_to([FILM, VideoSource(FILM.video_id, FILM.uri, "4711-1704240000.0")]))
        not_json, none = "notification: payload is not JSON", "no payload: create the bucket's notification with"
        assert_that(
            told,
            equal_to(
                [
                    ("b .mp4", "gs://uploads/b .mp4", "notification", not_json),
                    ("notification", "gs:///", "notification", not_json),
                    ("notification", "gs:///", "notification", f"notification: {none} --payload-format=json"),
                ]
            ),
            label="Told",
        )


def test_without_googles_client_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.cloud.pubsub", None)
    with pytest.raises(CliptraceError) as caught:
        beam.Pipeline(FnApiRunner()) | Notifications("projects/project/subscriptions/uploads")
    assert str(caught.value) == "--notifications needs Google's client of Pub/Sub: pip install 'cliptrace[gcp]'"


def test_the_subscription_is_read_with_attributes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The graph as a runner gets it; there is no Pub/Sub here that could answer."""
    monkeypatch.setitem(sys.modules, "google.cloud.pubsub", types.ModuleType("google.cloud.pubsub"))
    pipeline = beam.Pipeline(FnApiRunner(), options=PipelineOptions(["--streaming"]))
    pipeline | "Uploads" >> Notifications("projects/project/subscriptions/uploads")
    steps = {step.unique_name: step for step in pipeline.to_runner_api().components.transforms.values()}
    assert b"projects/project/subscriptions/uploads" in steps["Uploads/ReadNotifications/Read"].spec.payload
    assert "Uploads/Parse/DropRepeated/DeduplicateFn" in steps


@pytest.mark.parametrize(
    "subscription", ["uploads", "projects/project/topics/t", "projects/p/subscriptions/uploads", ""]
)
def test_a_subscription_is_named_in_full(subscription: str) -> None:
    with pytest.raises(UsageError) as caught:
        Notifications(subscription)
    assert str(caught.value) == f"--notifications {subscription}: must be projects/PROJECT/subscriptions/NAME"
