"""Ways to decode: what ffmpeg is asked meanwhile, and what is told of them."""

from __future__ import annotations

from pathlib import Path

from benchmarks.speed import tables
from benchmarks.speed.decoding import WAYS, Way, decoding
from cliptrace.schemas.config import Limits
from cliptrace.transforms.media import decode
from cliptrace.transforms.media.probe import probe

CLIP = str(Path(__file__).parents[3] / "data" / "clips" / "cars.mp4")


def asked() -> list[str]:
    info = probe(CLIP, Limits())
    return decode.decode_command(CLIP, info, start_s=0.0, seek_s=None, frames=8, size=32, limits=Limits())


def test_a_way_is_how_all_is_decoded_meanwhile_and_no_longer() -> None:
    before = asked()
    with decoding(Way("cheap", scaler="neighbor", options=("-skip_loop_filter", "all"))):
        during = asked()
    assert during[:3] == ["ffmpeg", "-skip_loop_filter", "all"]
    assert during[3:] == [part.replace("area+accurate_rnd+full_chroma_int", "neighbor") for part in before[1:]]
    assert during != before
    with decoding(WAYS[0]):
        assert asked() == before
    assert asked() == before


def test_shares_are_of_what_is_shipped() -> None:
    row = {
        "index_cpu_s": 8.0,
        "decode_cpu_s": 6.0,
        "vcsl_f1": 0.9,
        "vcsl_recall": 0.8,
        "vcdb_f1": 0.7,
        "segment_ap": 0.6,
    }
    ways = {"as shipped": row, "express": {**row, "decode_cpu_s": 1.5, "vcsl_f1": 0.1}}
    (table,) = tables.decoding({"ways": ways, "data": {"backbone": "copy_lite0"}})
    assert [row[1:5] for row in table.rows] == [("8.0", "6.0", "1.00", "0.900"), ("8.0", "1.5", "0.25", "0.100")]
