"""What a change does to the file of the configuration, and to one that has none."""

import stat
from pathlib import Path

import msgspec

from stages.services import line_control as told
from tests.stages.line.configuration.kept import AREA, TEXT, WAY, Kept


def test_a_file_that_was_changed_by_hand_is_not_written(kept: Kept) -> None:
    kept.path.write_text(TEXT + "# mine\n")
    refused = kept.put({"lines": {"path": WAY}})
    assert refused.status == 409
    assert "was changed by hand since the line has read it" in refused.body["detail"]
    assert kept.told == []
    assert kept.text == TEXT + "# mine\n"
    kept.in_force.reload()
    assert kept.put({"lines": {"path": WAY}}).body["saved"]
    assert kept.text.endswith("# mine\n")


def test_what_cannot_be_written_is_in_force_and_said(kept: Kept) -> None:
    kept.path.chmod(0o444)
    done = kept.put({"lines": {"path": WAY}}).body
    assert (done["applied"], done["saved"]) == (True, False)
    assert done["unsaved"] == [f"{kept.path}: Permission denied"]
    assert kept.text == TEXT
    refused = kept.put({"lines": {"way": WAY}}, saving="always")
    assert refused.status == 409
    assert refused.body["detail"] == f"it cannot be saved: {kept.path}: Permission denied"
    assert kept.zones().body["lines"].keys() == {"path"}
    kept.path.chmod(0o640)
    assert kept.put({"lines": {"way": WAY}}).body["saved"]
    assert "way:" in kept.text
    assert "path:" not in kept.text
    assert stat.S_IMODE(kept.path.stat().st_mode) == 0o640
    assert [path.name for path in kept.path.parent.iterdir()] == ["line.yaml"]


def test_a_change_that_is_not_to_be_saved_is_saved_with_the_next_one(kept: Kept) -> None:
    assert kept.put({"lines": {"path": WAY}}, saving="never").body["unsaved"] == [
        "it was not to be saved"
    ]
    assert kept.text == TEXT
    assert kept.patch({"track": {"lost_s": 5}}).body["saved"]
    assert "lost_s: 5  # patient" in kept.text
    assert "path:" in kept.text


def test_a_line_without_a_file_of_its_own_keeps_changes_in_memory(
    tmp_path: Path, tiny_model: Path
) -> None:
    kept = Kept(tmp_path / "default.yaml", tiny_model, is_named=False)
    assert kept.put({"lines": {"path": WAY}}).body["unsaved"] == [
        "the line was started without a configuration file"
    ]
    assert kept.text == TEXT
    assert kept.ask(told.ReadConfiguration()).body["file"] is None


def test_what_the_command_line_says_stays_out_of_the_file(tmp_path: Path, tiny_model: Path) -> None:
    kept = Kept(tmp_path / "line.yaml", tiny_model, settings=["track.lost_s=4"])
    done = kept.patch({"track": {"lost_s": 5, "low_score": 0.2}}).body
    assert (done["applied"], done["saved"]) == (True, False)
    assert done["unsaved"] == ["track.lost_s: the command line gives track.lost_s"]
    assert kept.text == TEXT.replace("  # patient\n", "  # patient\n  low_score: 0.2\n")
    other = Kept(tmp_path / "other.yaml", tiny_model, sources=["scene://street"])
    to = told.CameraZones("cam0", msgspec.json.encode({"lines": {"path": WAY}}))
    assert other.ask(told.Change(to=to)).body["unsaved"] == [
        "sources[0].lines.path: the command line gives sources"
    ]


def test_a_link_and_the_line_breaks_of_the_file_stay(tmp_path: Path, tiny_model: Path) -> None:
    real = tmp_path / "real.yaml"
    kept = Kept(real, tiny_model, TEXT.replace("\n", "\r\n"))
    link = tmp_path / "link.yaml"
    link.symlink_to(real)
    linked = Kept(link, tiny_model, TEXT.replace("\n", "\r\n"))
    assert linked.patch({"track": {"lost_s": 5}}).body["saved"]
    assert link.is_symlink()
    assert kept.text == TEXT.replace("lost_s: 3", "lost_s: 5").replace("\n", "\r\n")


def test_what_an_alias_shares_is_not_changed_for_others(tmp_path: Path, tiny_model: Path) -> None:
    text = """\
sources:
  - {uri: scene://street, name: gate, zones: &zones {yard: {polygon: [[0, 0], [1, 0], [1, 1]]}}}
  - {uri: 'scene://street?seed=2', name: back, zones: *zones}
"""
    kept = Kept(tmp_path / "line.yaml", tiny_model, text)
    done = kept.put({"zones": {"yard": {"polygon": AREA}}}).body
    assert (done["applied"], done["saved"]) == (True, False)
    assert "cannot be changed alone" in done["unsaved"][0] or "anchor" in done["unsaved"][0]
    assert kept.text == text
    to = told.CameraZones("back", msgspec.json.encode({"zones": {"yard": {"polygon": AREA}}}))
    kept.put({"zones": {"yard": {"polygon": [[0, 0], [1, 0], [1, 1]]}}}, saving="never")
    assert kept.ask(told.Change(to=to)).body["saved"]
    assert "&zones {yard: {polygon: [[0, 0]" in kept.text
    assert "*zones" not in kept.text
