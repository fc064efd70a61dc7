"""Kinds of index: what they are built and searched with, and how gallery.json tells them."""

from __future__ import annotations

import dataclasses
import json

import pytest

from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.gallery import GalleryManifest
from cliptrace.schemas.indexes import INDEX_KINDS, IndexConfig
from tests.unit.transforms.store_examples import MANIFEST


@pytest.mark.parametrize("kind", INDEX_KINDS)
@pytest.mark.parametrize("places", [1, 80, 320, 1024, 16_384])
def test_a_search_looks_at_as_many_as_it_asks_for(kind: str, places: int) -> None:
    config = IndexConfig(kind=kind)
    places = min(places, config.most_places)
    params = config.search_params(places)
    lists = [params[name] for name in ("ef", "search_list", "reorder_k", "itopk_size") if name in params]
    assert all(places <= each <= 16_384 for each in lists)
    assert params == {} or lists or params["nprobe"]


def test_the_index_that_galleries_had_is_built_as_before() -> None:
    assert IndexConfig().build_params(256) == {"M": 16, "efConstruction": 200}
    assert IndexConfig().search_params(80) == {"ef": 80}
    assert IndexConfig().search_params(10) == {"ef": 64}


@pytest.mark.parametrize(("dimension", "codes"), [(256, 64), (6, 3), (7, 7)])
def test_codes_divide_the_dimension(dimension: int, codes: int) -> None:
    assert IndexConfig(kind="IVF_PQ").build_params(dimension)["m"] == codes


def test_gallery_json_names_the_kind_only_where_an_older_cliptrace_must_not_read_it() -> None:
    assert "kind" not in json.loads(MANIFEST.to_json())["index"]
    other = dataclasses.replace(MANIFEST, index=IndexConfig(kind="IVF_PQ"))
    assert json.loads(other.to_json())["index"]["kind"] == "IVF_PQ"
    for manifest in (MANIFEST, other):
        assert GalleryManifest.from_json(manifest.to_json(), "gallery.json") == manifest
    with pytest.raises(CliptraceError) as caught:
        GalleryManifest.from_json(other.to_json().replace("IVF_PQ", "IVF_NEW"), "g/gallery.json")
    assert str(caught.value) == "g/gallery.json: index IVF_NEW is not known to this cliptrace: upgrade it"


@pytest.mark.parametrize("kind", INDEX_KINDS)
def test_no_parameter_is_a_boolean_of_python(kind: str) -> None:
    config = IndexConfig(kind=kind)
    params = {**config.build_params(256), **config.search_params(80)}
    assert not any(isinstance(each, bool) for each in params.values())
