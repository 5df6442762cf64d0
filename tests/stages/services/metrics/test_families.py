"""The page about metrics against the code."""

import re

from stages.services.metrics.families import FAMILIES
from tests.running_line import REPOSITORY

PAGE = (REPOSITORY / "docs/metrics.md").read_text()
_SUFFIXES = {"counter": "_total", "info": "_info"}


def test_the_page_has_every_metric_with_its_type_and_labels_and_no_more() -> None:
    rows = re.findall(r"^\| `(thunderline_\w+)` \| (\w+) \| ([^|]*)\|", PAGE, re.M)
    told = {name: (kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    assert len(told) == len(rows)
    assert told == {
        family.name + _SUFFIXES.get(family.kind, ""): (family.kind, family.labels)
        for family in FAMILIES
    }


def test_names_end_with_their_units() -> None:
    for family in FAMILIES:
        assert re.fullmatch(r"thunderline(_[a-z]+)+", family.name)
        assert family.name.endswith(family.unit), family.name
        assert not family.name.endswith(("_total", "_info")), family.name


def test_the_page_has_every_alert() -> None:
    rules = (REPOSITORY / "deploy/prometheus/thunderline.rules.yml").read_text()
    alerts = re.findall(r"- alert: (\w+)", rules)
    assert re.findall(r"^\| `(ThunderLine\w+)` \|", PAGE, re.M) == alerts
