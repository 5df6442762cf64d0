"""The chart is a picture that browsers read."""

from xml.etree import ElementTree

from stages.line.bench.chart import draw_chart
from stages.line.bench.report import headline
from tests.stages.line.bench.reports import make_report

_SVG = "{http://www.w3.org/2000/svg}"


def test_bars_are_as_long_as_what_they_stand_for() -> None:
    root = ElementTree.fromstring(draw_chart(make_report()))
    texts = [text.text for text in root.iter(f"{_SVG}text")]
    assert {headline(make_report()), "31.0", "200.0", "30 of 30", "31 of 40"} <= set(texts)
    assert "Board <1>, 4 cores, aarch64" in texts
    bars = [float(rect.get("width", "")) for rect in root.iter(f"{_SVG}rect")
            if rect.get("x") == "190"]  # fmt: skip
    decode_big, decode_little, float_big = bars[0], bars[1], bars[2]
    assert abs(decode_little / decode_big - 9.6 / 4.0) < 0.01
    assert abs(float_big / decode_big - 31.0 / 4.0) < 0.01


def test_everything_is_inside_the_picture() -> None:
    root = ElementTree.fromstring(draw_chart(make_report()))
    width, height = float(root.get("width", "")), float(root.get("height", ""))
    for rect in root.iter(f"{_SVG}rect"):
        if rect.get("x") is not None:
            assert float(rect.get("x", "")) + float(rect.get("width", "")) <= width
            assert float(rect.get("y", "")) + float(rect.get("height", "")) <= height
