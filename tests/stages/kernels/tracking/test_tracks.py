import numpy as np

from stages.kernels.detections import NO_TRACK
from stages.kernels.tracking.tracks import ID, NO_SCORE, SCORES, SEEN, Tracks


def numbered(count: int) -> Tracks:
    tracks = Tracks(classes=3)
    tracks.add(count)[:, SEEN] = np.arange(count)
    return tracks


def test_a_new_row_has_no_id_no_score_and_no_vote() -> None:
    row = Tracks(classes=3).add(1)
    assert row[0, ID] == NO_TRACK
    assert (row[:, SCORES] == NO_SCORE).all()
    assert Tracks(classes=3).votes(row).tolist() == [[0, 0, 0]]


def test_what_is_added_is_part_of_the_rows() -> None:
    tracks = numbered(2)
    tracks.add(1)[0, SEEN] = 7
    assert tracks.rows[:, SEEN].tolist() == [0, 1, 7]
    assert len(tracks) == 3


def test_a_row_that_is_used_again_is_as_good_as_new() -> None:
    tracks = numbered(3)
    tracks.votes(tracks.rows)[:] = 9
    tracks.clear()
    row = tracks.add(3)
    assert not row[:, SEEN].any()
    assert not tracks.votes(row).any()


def test_rows_that_are_kept_stay_in_order() -> None:
    tracks = numbered(5)
    tracks.keep(np.array([True, False, True, False, True]))
    assert tracks.rows[:, SEEN].tolist() == [0, 2, 4]


def test_the_block_grows_and_keeps_what_was_in_it() -> None:
    tracks = numbered(100)
    tracks.add(200)
    assert len(tracks) == 300
    assert tracks.rows[:100, SEEN].tolist() == list(range(100))


def test_rows_survive_as_bytes() -> None:
    other = Tracks(classes=3)
    other.from_bytes(numbered(200).to_bytes())
    np.testing.assert_array_equal(other.rows, numbered(200).rows)
    other.from_bytes(Tracks(classes=3).to_bytes())
    assert len(other) == 0
