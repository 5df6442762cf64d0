"""Configurations on top of what the file says."""

import json
from typing import Any

import pytest

from pipeline.config_file import ConfigError
from stages.line.configuration.edits import NotReadable
from stages.line.configuration.layers import apply_layers
from stages.services.line_control import Layer

CONTENT = {
    "sources": [{"uri": "a", "zones": {"lawn": 1}}, {"uri": "b", "zones": {}}],
    "track": {"lost_s": 2},
}
CAMERAS = ("cam0", "yard")


def lay(*patches: Any) -> Any:
    layers = [Layer(f"layer {i}", json.dumps(patch).encode()) for i, patch in enumerate(patches)]
    return apply_layers(layers, CONTENT, CAMERAS)


def test_without_layers_nothing_differs() -> None:
    assert lay() == (CONTENT, ())


def test_a_later_layer_goes_over_an_earlier_one_key_by_key() -> None:
    first = {"track": {"lost_s": 3, "confirm_s": 1}}
    content, _ = lay(first, {"track": {"lost_s": 4}})
    assert content["track"] == {"lost_s": 4, "confirm_s": 1}
    assert CONTENT["track"] == {"lost_s": 2}


def test_cameras_are_named_and_a_star_is_all_of_them() -> None:
    patch = {"sources": {"*": {"zones": {"gate": 2}}, "yard": {"zones": {"gate": 3}}}}
    content, absent = lay(patch)
    assert [source["zones"] for source in content["sources"]] == [
        {"lawn": 1, "gate": 2},
        {"gate": 3},
    ]
    assert absent == ()


def test_null_takes_away_keys_and_cameras() -> None:
    content, _ = lay({"sources": {"cam0": {"zones": {"lawn": None}}, "yard": None}})
    assert content["sources"] == [{"uri": "a", "zones": {}}]


def test_a_camera_that_is_not_there_is_passed_over_and_named_or_added_with_its_uri() -> None:
    content, absent = lay({"sources": {"gate": {"zones": {}}, "new": {"uri": "c"}}})
    assert absent == ("gate",)
    assert content["sources"][2:] == [{"name": "new", "uri": "c"}]


@pytest.mark.parametrize("text", [b"{", b"[]", b'{"a": 1, "a": 2}', b'{"a": NaN}'])
def test_what_is_no_layer_is_refused_by_its_name(text: bytes) -> None:
    with pytest.raises(NotReadable, match=r"^hall\._site: "):
        apply_layers([Layer("hall._site", text)], CONTENT, CAMERAS)


def test_sources_are_no_list_in_a_layer() -> None:
    with pytest.raises(ConfigError, match="layer 0: sources: expected cameras by their names"):
        lay({"sources": []})
