"""The dashboards for Grafana: they ask for what there is, in valid PromQL."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.services.fleet import hub_families
from stages.services.metrics import families
from stages.services.metrics.families import Family
from tests.running_line import REPOSITORY
from tests.stages.services.metrics.exposition import promtool

_ENDINGS = {
    "counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "info": ("_info",),
}  # fmt: skip


class Dashboard:
    """A file, and the metrics that its queries may ask for; it does without those `left_out`."""

    def __init__(self, name: str, known: Sequence[Family], *left_out: str) -> None:
        text = (REPOSITORY / "deploy" / "grafana" / f"{name}.json").read_text()
        self.content: dict[str, Any] = json.loads(text)
        self.families, self.left_out = known, set(left_out)
        self.series = {
            family.name + ending: {*family.labels, "instance", "job", "le"}
            for family in known
            for ending in _ENDINGS.get(family.kind, ("",))
        }

    def panels(self) -> Iterator[dict[str, Any]]:
        yield from self.content["panels"]

    def targets(self) -> list[dict[str, Any]]:
        return [target for panel in self.panels() for target in panel.get("targets", ())]

    def expressions(self) -> list[str]:
        return [target["expr"] for target in self.targets()]

    def variables(self) -> list[str]:
        """Queries of the names that are chosen from."""
        found = self.content["templating"]["list"]
        queries = (each["definition"] for each in found if each["type"] == "query")
        return [re.sub(r"label_values\((.*), \w+\)", r"\1", query) for query in queries]

    def unknown(self, expression: str) -> set[str]:
        """Metrics and labels in a query that nobody has."""
        found = set[str]()
        for name, selector in re.findall(r"\b(thunderline_\w+)\{([^}]*)\}", expression):
            labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector))
            found |= labels - self.series.get(name, labels)
        bare = re.sub(r"\{[^}]*\}", "", expression)
        groups = re.findall(r"\b(?:by|without) ?\(([^)]*)\)", bare)
        grouped = {label.strip() for labels in groups for label in labels.split(",")}
        bare = re.sub(r"\b(?:by|without) ?\([^)]*\)", "", bare)
        names = set(re.findall(r"\bthunderline_\w+", bare))
        of_all = {label for name in names for label in self.series.get(name, ())}
        return found | (names - self.series.keys()) | (grouped - of_all)


LINE = Dashboard(
    "thunderline", families.FAMILIES,
    "thunderline_camera_state_since_timestamp_seconds", "thunderline_camera_epochs",
    "thunderline_frame_width_pixels", "thunderline_frame_height_pixels",
    "thunderline_process_frames",
)  # fmt: skip
FLEET = Dashboard("fleet", hub_families.FAMILIES)

each = pytest.mark.parametrize("dashboard", [LINE, FLEET], ids=["line", "fleet"])


@each
def test_every_query_asks_for_metrics_and_labels_that_exist(dashboard: Dashboard) -> None:
    assert len(dashboard.expressions()) >= 15
    for expression in (*dashboard.expressions(), *dashboard.variables()):
        assert dashboard.unknown(expression) == set(), expression


@pytest.mark.parametrize(
    ("expression", "unknown"),
    [
        ('rate(thunderline_nothing_total{camera="x"}[5m])', {"thunderline_nothing_total"}),
        ("thunderline_nothing", {"thunderline_nothing"}),
        ('thunderline_tracks_total{colour="x"}', {"colour"}),
        ('thunderline_tracks_total{colour!~"x"}', {"colour"}),
        ("sum by (colour) (thunderline_tracks_total)", {"colour"}),
        ("sum by (camera) (thunderline_tracks_total)", set()),
    ],
)
def test_what_nobody_has_is_found(expression: str, unknown: set[str]) -> None:
    assert LINE.unknown(expression) == unknown


@each
def test_every_metric_is_shown_but_what_others_hold(dashboard: Dashboard) -> None:
    text = " ".join(dashboard.expressions())
    shown = set(re.findall(r"thunderline_\w+", text))
    left_out = {
        family.name
        for family in dashboard.families
        if not any(name.startswith(family.name) for name in shown)
    }
    assert left_out == dashboard.left_out


@each
def test_labels_of_legends_are_those_of_the_query(dashboard: Dashboard) -> None:
    for target in dashboard.targets():
        for label in re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", "")):
            assert re.search(rf"\b{label}\b", target["expr"]) or any(
                label in dashboard.series[name]
                for name in re.findall(r"thunderline_\w+", target["expr"])
                if name in dashboard.series
            ), target


@each
def test_every_query_is_valid_promql(dashboard: Dashboard, tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": text.replace("$__rate_interval", "5m")}
        for number, text in enumerate(dashboard.expressions())
    ]
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert "SUCCESS" in promtool("check", "rules", str(path))


@each
def test_panels_do_not_overlap_and_have_numbers_of_their_own(dashboard: Dashboard) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard.panels():
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24, panel["title"]
        taken |= cells
    numbers = [panel["id"] for panel in dashboard.panels()]
    assert len(numbers) == len(set(numbers))


@each
def test_the_source_of_data_is_chosen_by_whoever_looks(dashboard: Dashboard) -> None:
    for target in dashboard.targets():
        assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
