"""What comes of coded pictures, and what is counted of those that come to nothing."""

from pathlib import Path
from typing import Any

import av
import pytest

from pipeline.memory.counters import DropReason
from stages.readers.decoding.access_unit import AccessUnit
from stages.readers.decoding.decoder import Decoded, Decoder, to_ns
from stages.readers.decoding.demuxer import Demuxer
from tests.stages.readers.coded_clips import FRAME_NS, make_coded
from tests.stages.readers.field_pictures import make_field_pictures


def units_of(path: Path) -> tuple[Decoder, list[AccessUnit]]:
    demuxer = Demuxer(f"file:{path}", name=str(path), options={}, silence_s=None)
    units = list(iter(demuxer.read, None))
    return Decoder(demuxer.decoder, sent_times=demuxer.has_sent_times), units


def decode(decoder: Decoder, units: list[AccessUnit]) -> list[Decoded]:
    found = [decoded for unit in units for decoded in decoder.decode(unit)]
    return found + decoder.flush()


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_coded(tmp_path / "clip.ts", "libx264", range(40))


def test_frames_know_when_their_own_packet_arrived(clip: Path) -> None:
    """Also where B-frames are sent in another order than they are shown in."""
    decoder, units = units_of(clip)
    stamped = [unit._replace(arrived_ns=1000 + i) for i, unit in enumerate(units)]
    arrival = {to_ns(u.packet.pts, u.packet.time_base): u.arrived_ns for u in stamped}
    found = decode(decoder, stamped)
    assert len(found) == 40
    assert [decoded.arrived_ns for decoded in found] == [arrival[d.pts_ns] for d in found]


def test_the_last_frames_have_times(clip: Path) -> None:
    decoder, units = units_of(clip)
    found = [decoded.pts_ns or 0 for decoded in decode(decoder, units)]
    assert found == [found[0] + i * FRAME_NS for i in range(40)]


def test_pictures_before_the_first_key_frame_are_damaged(clip: Path) -> None:
    decoder, units = units_of(clip)
    keys = [i for i, unit in enumerate(units) if unit.packet.is_keyframe]
    found = decode(decoder, units[5:])
    assert decoder.losses[DropReason.DAMAGED] >= keys[1] - 5
    assert len(found) + decoder.losses.total() == 35


@pytest.fixture(params=["ts", "mp4"])
def refreshed(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A clip in which a stripe of each picture is coded anew: every tenth begins a round."""
    params = "intra-refresh=1:keyint=10:bframes=0:scenecut=0:log-level=none"
    return make_coded(
        tmp_path / f"clip.{request.param}", "libx264", range(40), size=(128, 96),
        options={"x264-params": params},
    )  # fmt: skip


def test_where_a_round_of_refresh_begins_pictures_cannot_be_left_out(refreshed: Path) -> None:
    decoder, units = units_of(refreshed)
    keys = [i for i, unit in enumerate(units) if unit.packet.is_keyframe]
    assert keys == [0, 10, 20, 30]
    assert [i for i in keys if decoder.can_resume_at(units[i].packet)] == [0]


def test_behind_what_was_left_out_a_round_of_refresh_is_damaged(refreshed: Path) -> None:
    decoder, units = units_of(refreshed)
    before = [decoded for unit in units[:15] for decoded in decoder.decode(unit)]
    decoder.leave_out()
    after = decode(decoder, units[20:])
    round_of = decoder.losses[DropReason.DAMAGED]
    assert 0 < round_of < 20
    assert len(before) + len(after) == 35 - round_of


def test_a_stream_that_marks_no_key_frame_is_decoded_in_the_end(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stages.readers.decoding.decoder._LONGEST_WITHOUT_KEY", 10)
    decoder, units = units_of(clip)
    for unit in units:
        unit.packet.is_keyframe = False
    found = decode(decoder, units)
    assert len(found) + decoder.losses.total() == 40
    assert len(found) > 10


def test_what_lost_bytes_on_its_way_is_damaged(clip: Path) -> None:
    decoder, units = units_of(clip)
    units[7] = units[7]._replace(damaged=True)
    assert len(decode(decoder, units)) == 39
    assert decoder.losses == {DropReason.DAMAGED: 1}


def test_what_the_decoder_refuses_is_counted_and_costs_itself(tmp_path: Path) -> None:
    decoder, units = units_of(make_coded(tmp_path / "clip.avi", "mjpeg", range(10)))
    broken: Any = av.Packet(b"\0" * 100)
    broken.pts, broken.dts = units[4].packet.pts, units[4].packet.dts
    broken.time_base = units[4].packet.time_base
    units[4] = units[4]._replace(packet=broken)
    assert len(decode(decoder, units)) == 9
    assert decoder.losses == {DropReason.UNDECODABLE: 1}


def test_nothing_but_rubbish_is_counted_to_the_last_packet(clip: Path) -> None:
    decoder, units = units_of(clip)
    for i, unit in enumerate(units):
        rubbish: Any = av.Packet(b"\xff" * 50)
        rubbish.pts, rubbish.dts, rubbish.is_keyframe = unit.packet.pts, unit.packet.dts, True
        rubbish.time_base = unit.packet.time_base
        units[i] = unit._replace(packet=rubbish)
    many = units * 10
    assert decode(decoder, many) == []
    assert decoder.losses == {DropReason.UNDECODABLE: 400}


def test_pictures_that_are_not_wanted_are_no_loss(clip: Path) -> None:
    decoder, units = units_of(clip)
    found = [decoded for unit in units for decoded in decoder.decode(unit, None)]
    found += decoder.flush()
    assert len(found) < 40  # those that no other refers to are not even decoded
    assert not decoder.losses


def test_a_picture_of_two_fields_is_one_frame_and_no_loss(tmp_path: Path) -> None:
    """Broadcasters send each field by itself: two packets for one frame."""
    decoder, units = units_of(make_field_pictures(tmp_path / "fields.ts", 20))
    assert len(units) == 40
    found = decode(decoder, units)
    assert len(found) == 20
    assert all(decoded.frame.interlaced_frame for decoded in found)
    assert not decoder.losses


@pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9"])
def test_pictures_that_are_only_referred_to_are_no_loss(tmp_path: Path, codec: str) -> None:
    options = {"auto-alt-ref": "1", "lag-in-frames": "16", "deadline": "good", "cpu-used": "4"}
    path = make_coded(tmp_path / "clip.webm", codec, range(40), options=options)
    decoder, units = units_of(path)
    assert len(decode(decoder, units)) == 40
    assert not decoder.losses
