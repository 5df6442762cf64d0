"""What a line showed before and during an incident, as a series that promtool plays back."""

import http.client
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import yaml

from tests.stages.services.metrics.exposition import Key, parse_openmetrics
from tests.stages.services.web.web_line import WebLine

STEP_S = 15.0  # between two scrapes of the series
INSTANCE = {"instance": "board.lan:5580", "job": "thunderline"}
UP: Key = ("up", ())
_GROWING = ("_total", "_bucket", "_count", "_sum")
_OPENMETRICS = {"Accept": "application/openmetrics-text"}


class Scrape(NamedTuple):
    """All numbers at one moment."""

    unix_s: float
    values: Mapping[Key, float]


class Phase(NamedTuple):
    """What was seen at the beginning and at the end of some seconds."""

    before: Scrape
    after: Scrape

    def showing(self, key: Key, value: float) -> "Phase":
        """The same with another number in it, which the machine of the test cannot have."""
        return Phase(self.before, self.after._replace(values={**self.after.values, key: value}))


class Part(NamedTuple):
    """A phase that goes on as it was for so many steps; what happened `once` does so in the first.

    Nothing but the time that it takes is made up: rates, ages and states are those of the line.
    """

    phase: Phase
    steps: int
    once: bool = False


def scrape(web: WebLine) -> Scrape:
    body = web.ask("/metrics", headers=_OPENMETRICS).body
    return Scrape(time.time(), {UP: 1.0, **parse_openmetrics(body)})


def scrape_in_vain(web: WebLine) -> Scrape | None:
    """What Prometheus notes when nobody answers, or not to the end; None if somebody does."""
    try:
        scrape(web)
    except (OSError, http.client.HTTPException):
        return Scrape(time.time(), {UP: 0.0})
    return None


def make_series(parts: Sequence[Part], rules: str) -> list[dict[str, str]]:
    """The input series of a test of these rules, one value for each step."""
    keys = {key for part in parts for key in part.phase.after.values if key[0] in rules}
    return [{"series": _name(key), "values": " ".join(_values(key, parts))} for key in sorted(keys)]


def make_test(parts: Sequence[Part], firing: Sequence[Mapping[str, str]], rules: str) -> str:
    """A file for `promtool test rules`: exactly these alerts fire at the end."""
    end_s = int((sum(part.steps for part in parts) - 1) * STEP_S)
    samples = []
    for alert in firing:
        pairs = ", ".join(f'{name}="{text}"' for name, text in sorted(alert.items()))
        samples.append({"labels": f'ALERTS{{alertstate="firing", {pairs}}}', "value": 1})
    test = {
        "interval": f"{STEP_S:g}s",
        "input_series": make_series(parts, rules),
        "promql_expr_test": [
            {
                "expr": 'ALERTS{alertstate="firing"}',
                "eval_time": f"{end_s}s",
                "exp_samples": samples,
            }
        ],
    }
    head = {"rule_files": ["thunderline.rules.yml"], "evaluation_interval": f"{STEP_S:g}s"}
    return yaml.safe_dump({**head, "tests": [test]}, sort_keys=False, width=1 << 20)


def _name(key: Key) -> str:
    name, labels = key
    found = sorted({**dict(labels), **INSTANCE}.items())
    pairs = ",".join(f'{label}="{text}"' for label, text in found)
    return f"{name}{{{pairs}}}"


def _values(key: Key, parts: Sequence[Part]) -> list[str]:
    shown: list[float | None] = []
    for part in parts:
        last = next((value for value in reversed(shown) if value is not None), None)
        for step in range(part.steps):
            shown.append(_value(key, part, step, len(shown) * STEP_S, last))
    return ["_" if value is None else repr(value) for value in shown]


def _value(key: Key, part: Part, step: int, now_s: float, last: float | None) -> float | None:
    """In one step of a part; `last` is the value before the part, `now_s` the time of the test."""
    before, after = part.phase
    if key not in after.values:
        return None
    new = after.values[key]
    old = before.values.get(key, 0.0 if key[0].endswith(_GROWING) else new)
    if key[0].endswith("_timestamp_seconds"):
        moving = old != new or last is None
        return now_s - (after.unix_s - new) if moving else last
    if not key[0].endswith(_GROWING):
        return new
    start = old if last is None else last
    if part.once:
        return start + (new - old)
    return start + (new - old) / (after.unix_s - before.unix_s) * STEP_S * (step + 1)
