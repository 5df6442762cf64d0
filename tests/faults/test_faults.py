"""One round of everything that can be done to a line, by chance but from one seed.

Recovery is measured and reported; what is asserted is that it comes, and what it costs: nothing.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import schedule
from tests.faults.barrage import Barrage
from tests.faults.line_under_fire import KILLED
from tests.faults.report import make_page

SEED = 1
DISK_BYTES = 64 << 20
SAMPLE_EVERY_S = 0.5


@pytest.fixture(scope="module")
def barrage(tmp_path_factory: pytest.TempPathFactory) -> Barrage:
    """What came of a round on one line; every test looks at another side of it."""
    barrage = Barrage(tmp_path_factory.mktemp("tables"))
    scratch = tmp_path_factory.mktemp("fire")
    barrage.run(scratch, turns(), DISK_BYTES, SAMPLE_EVERY_S)
    return barrage


def turns() -> Iterator[schedule.Turn]:
    return itertools.chain(next(schedule.rounds(SEED)), schedule.last_round(SEED))


KINDS = {turn.fault.kind: turn.fault.needs for turn in turns()}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_results_and_recordings_go_on_after(barrage: Barrage, kind: str) -> None:
    refused = [name for name in KINDS[kind] if name in barrage.refusals]
    if refused:
        pytest.skip(f"{refused[0]}: {barrage.refusals[refused[0]]}")
    outcomes = [outcome for outcome in barrage.outcomes.rows if outcome.kind == kind]
    assert outcomes
    assert not [outcome for outcome in outcomes if outcome.hung]


def test_every_process_was_killed(barrage: Barrage) -> None:
    killed = {o.what for o in barrage.outcomes.rows if o.kind == "kill"}
    assert killed == {f"kill process={name}" for name in KILLED}


def test_no_promise_is_broken_in_the_end(barrage: Barrage) -> None:
    """Exit code, an exact ledger, recordings of each frame once, nothing left behind."""
    assert len(barrage.verdicts.rows) == 1
    assert barrage.broken_promises() == []
    assert barrage.verdicts.rows[0].results > 0


def test_the_line_was_watched_all_the_time(barrage: Barrage) -> None:
    samples = barrage.samples.rows
    assert len(samples) > 5
    assert max(sample.restarts for sample in samples) >= len(KILLED)
    assert all(sample.supervisor_kb > 0 for sample in samples)
    assert max(sample.processes for sample in samples) == len(KILLED) + 1


def test_the_page_has_every_fault_and_curve(barrage: Barrage) -> None:
    page = make_page(barrage, "a command with <brackets>")
    assert "a command with &lt;brackets&gt;" in page
    assert all(page.count(f"<td>{outcome.what}</td>") >= 1 for outcome in barrage.outcomes.rows)
    assert page.count("<svg ") == page.count("</svg>") == 5
    assert "None was broken." in page


def test_a_barrage_goes_on_where_its_tables_end(barrage: Barrage, tmp_path: Path) -> None:
    for table in ("samples.csv", "faults.csv", "lines.csv"):
        (tmp_path / table).write_bytes((barrage.folder / table).read_bytes())
    again = Barrage(tmp_path)
    assert again.outcomes.rows == barrage.outcomes.rows
    assert again.verdicts.rows == barrage.verdicts.rows
    assert len(again.samples.rows) == len(barrage.samples.rows)
    assert again.elapsed_s >= barrage.samples.rows[-1].at_s
