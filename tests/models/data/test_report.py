import pytest

from models.data.report import DataReport

pytestmark = pytest.mark.torch


def test_problems_are_counted_by_kind_with_a_few_names() -> None:
    report = DataReport()
    for number in range(5):
        report.add("missing image", f"{number}.png")
    report.add("damaged shard", "a.tar")
    assert report.lines() == [
        "damaged shard: 1 (a.tar)",
        "missing image: 5 (0.png, 1.png, 2.png, ...)",
    ]


def test_nothing_wrong_says_nothing() -> None:
    assert DataReport().lines() == []
