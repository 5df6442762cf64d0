"""The dashboard for Grafana: it asks for what there is, in valid PromQL."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from stages.services.metrics.families import FAMILIES
from tests.running_line import REPOSITORY
from tests.stages.services.metrics.exposition import promtool

DASHBOARD: dict[str, Any] = json.loads((REPOSITORY / "deploy/grafana/thunderline.json").read_text())
_ENDINGS = {
    "counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "info": ("_info",),
}  # fmt: skip
SERIES = {
    family.name + ending: {*family.labels, "instance", "job", "le"}
    for family in FAMILIES
    for ending in _ENDINGS.get(family.kind, ("",))
}


def panels() -> Iterator[dict[str, Any]]:
    yield from DASHBOARD["panels"]


def expressions() -> list[str]:
    return [target["expr"] for panel in panels() for target in panel.get("targets", ())]


def unknown(expression: str) -> set[str]:
    """Metrics and labels in a query that no line has."""
    found = set()
    for name, selector in re.findall(r"\b(thunderline_\w+)\{([^}]*)\}", expression):
        labels = set(re.findall(r"(\w+)\s*=~?|(\w+)\s*!=", selector))
        if name not in SERIES:
            found.add(name)
        else:
            found |= {a or b for a, b in labels} - SERIES[name]
    names = set(re.findall(r"\b(thunderline_\w+)(?=[{\[])", expression))
    return found | (names - SERIES.keys())


def test_every_query_asks_for_metrics_and_labels_that_exist() -> None:
    assert len(expressions()) >= 15
    for expression in expressions():
        assert unknown(expression) == set(), expression
    assert unknown('rate(thunderline_nothing_total{camera="x"}[5m])') == {
        "thunderline_nothing_total"
    }
    assert unknown('thunderline_tracks_total{colour="x"}') == {"colour"}


def test_every_metric_is_shown_but_sizes_and_counts_that_others_hold() -> None:
    shown = {name for text in expressions() for name in re.findall(r"thunderline_\w+", text)}
    left_out = {
        family.name
        for family in FAMILIES
        if not any(name.startswith(family.name) for name in shown)
    }
    assert left_out == {
        "thunderline_camera_state_since_timestamp_seconds", "thunderline_camera_epochs",
        "thunderline_frame_width_pixels", "thunderline_frame_height_pixels",
        "thunderline_process_frames",
    }  # fmt: skip


def test_every_query_is_valid_promql(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": text.replace("$__rate_interval", "5m")}
        for number, text in enumerate(expressions())
    ]
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert "SUCCESS" in promtool("check", "rules", str(path))


def test_panels_do_not_overlap_and_have_numbers_of_their_own() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24, panel["title"]
        taken |= cells
    numbers = [panel["id"] for panel in panels()]
    assert len(numbers) == len(set(numbers))


def test_the_source_of_data_is_chosen_by_whoever_looks() -> None:
    for panel in panels():
        for target in panel.get("targets", ()):
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
