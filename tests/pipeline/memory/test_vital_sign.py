"""How long ago a line was well, as others read it."""

from pathlib import Path

from pipeline.memory.vital_sign import VitalSign, well_s_ago


def test_a_line_that_was_never_well_is_told_from_one_that_is(tmp_path: Path) -> None:
    assert well_s_ago(tmp_path) is None
    sign = VitalSign(tmp_path)
    assert well_s_ago(tmp_path) is None
    sign.renew()
    first = well_s_ago(tmp_path)
    assert first is not None
    assert first >= 0.0
    sign.renew()
    sign.close()
    last = well_s_ago(tmp_path)
    assert last is not None
    assert last >= 0.0
    assert list(tmp_path.iterdir()) == [tmp_path / "well"]
    assert (tmp_path / "well").stat().st_size == 20


def test_its_age_is_that_of_a_clock_that_only_grows(tmp_path: Path) -> None:
    (tmp_path / "well").write_text("0" * 20)
    ago_s = well_s_ago(tmp_path)
    assert ago_s is not None
    assert ago_s > 1.0, "since the machine has started"
