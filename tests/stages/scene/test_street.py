import tracemalloc
from typing import Any

import numpy as np
import pytest

from stages.scene.actor import Path
from stages.scene.street import SceneError, SceneObject, Street, StreetOptions

SIZE: dict[str, Any] = {"width": 320, "height": 240}
SEEDS = (3, 7, 12)
LABELS = (
    "person", "bicycle", "car", "motorcycle", "bus", "truck", "dog", "cat", "horse", "sheep", "cow",
)  # fmt: skip


def draw(street: Street, index: int) -> np.ndarray:
    frame = np.full((street.options.height, street.options.width, 3), 99, np.uint8)
    street.draw(index, frame)
    return frame


def plain_street(seed: int, **extra: Any) -> Street:
    """No noise and no shadow: only bodies change pixels."""
    return Street(StreetOptions(seed=seed, noise=False, shadows=False, **SIZE, **extra))


@pytest.mark.parametrize("seed", SEEDS)
def test_same_options_give_the_same_pixels(seed: int) -> None:
    options = StreetOptions(seed=seed, **SIZE)
    assert np.array_equal(draw(Street(options), 31), draw(Street(options), 31))


@pytest.mark.parametrize("seed", SEEDS)
def test_frames_drawn_in_any_order_equal_the_sequence(seed: int) -> None:
    options = StreetOptions(seed=seed, **SIZE)
    indices = [0, 1, 2, 60, 700]
    street = Street(options)
    sequence = {index: draw(street, index) for index in indices}
    other = Street(options)
    for index in reversed(indices):
        assert np.array_equal(draw(other, index), sequence[index])


def test_truth_between_draws_leaves_pixels_alone() -> None:
    options = StreetOptions(seed=7, **SIZE)
    street, watched = Street(options), Street(options)
    for index in (10, 400, 11):
        watched.truth(index)
        assert np.array_equal(draw(street, index), draw(watched, index))


def test_seeds_give_different_streets() -> None:
    frames = [draw(Street(StreetOptions(seed=seed, **SIZE)), 0).astype(int) for seed in range(6)]
    for i, first in enumerate(frames):
        for second in frames[:i]:
            assert np.abs(first - second).mean() > 10


@pytest.mark.parametrize("seed", range(8))
def test_truth_boxes_frame_the_pixels_that_an_object_changes(seed: int) -> None:
    street = plain_street(seed)
    index = 90
    full, truth = draw(street, index).astype(int), street.truth(index)
    checked = 0
    for actor in list(street.actors):
        if len(actor.labels) != 1:
            continue
        seen = next((found for found in truth if found.track_id == actor.track_id), None)
        street.actors.remove(actor)
        changed = np.abs(draw(street, index).astype(int) - full).max(axis=2) > 0
        street.actors.append(actor)
        if seen is None:
            # at most the half-covered pixels of an outline
            assert changed.sum() <= 0.02 * changed.size
            continue
        x1, y1, x2, y2 = (round(edge) for edge in seen.box_xyxy)
        outside = changed.copy()
        outside[max(y1 - 2, 0) : y2 + 2, max(x1 - 2, 0) : x2 + 2] = False
        assert not outside.any()
        if seen.visible > 0.5:
            rows, columns = np.nonzero(changed)
            drawn = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            assert drawn == pytest.approx((x1, y1, x2, y2), abs=3)
            checked += 1
    assert checked >= 1


def test_nearer_objects_hide_the_farther_ones() -> None:
    street = plain_street(4, people=8, cars=6, trucks=2, bicycles=0, motorcycles=0)
    everybody = list(street.actors)
    hidden = 0
    for index in range(0, 1000, 50):
        street.actors = everybody
        for seen in street.truth(index):
            (actor,) = (actor for actor in everybody if actor.track_id == seen.track_id)
            street.actors = [actor]
            (alone,) = street.truth(index)
            street.actors = [other for other in everybody if other.path.v <= actor.path.v]
            (nearer,) = (o for o in street.truth(index) if o.track_id == seen.track_id)
            assert nearer == seen  # the farther ones hide nothing of it
            assert seen.visible <= alone.visible
            hidden += seen.visible < 0.9 * alone.visible
    assert hidden >= 3


def test_rider_and_cycle_are_two_objects() -> None:
    found = []
    for seed in range(3):
        street = Street(StreetOptions(seed=seed, bicycles=4, people=0, motorcycles=0, **SIZE))
        for index in range(0, 500, 100):
            labels = [seen.label for seen in street.truth(index)]
            if "person" in labels:
                assert "bicycle" in labels
                found.append(index)
    assert found


def test_counts_are_the_number_of_tracks() -> None:
    street = Street(StreetOptions(seed=5, people=3, bicycles=0, motorcycles=0, cows=2, **SIZE))
    labels = [label for actor in street.actors for label in actor.labels]
    assert labels.count("person") == 3
    assert labels.count("cow") == 2
    assert labels.count("bicycle") == 0


def test_every_label_appears_in_some_street() -> None:
    labels = {
        label
        for seed in range(25)
        for actor in Street(StreetOptions(seed=seed, **SIZE)).actors
        for label in actor.labels
    }
    assert labels == set(LABELS)


@pytest.mark.parametrize("seed", SEEDS)
def test_boxes_lie_inside_the_frame_and_shares_inside_one(seed: int) -> None:
    street = Street(StreetOptions(seed=seed, **SIZE))
    for index in range(0, 300, 60):
        for seen in street.truth(index):
            x1, y1, x2, y2 = seen.box_xyxy
            assert 0 <= x1 < x2 <= 320
            assert 0 <= y1 < y2 <= 240
            assert 0 < seen.visible <= 1
            assert seen.label in LABELS


def test_track_keeps_its_id_and_moves_little_between_frames() -> None:
    street = Street(StreetOptions(seed=2, people=4, **SIZE))
    before = {seen.track_id: seen for seen in street.truth(50)}
    after = {seen.track_id: seen for seen in street.truth(51)}
    shared = [key for key in before if key in after and before[key].visible > 0.9]
    assert shared
    for key in shared:
        assert before[key].label == after[key].label
        if after[key].visible > 0.9:
            shift = np.subtract(before[key].box_xyxy, after[key].box_xyxy)
            assert np.abs(shift).max() < 25


def test_a_body_that_comes_by_again_is_on_another_passage() -> None:
    """While it shows without a break it is on one passage, and moves on steadily."""
    street = Street(StreetOptions(seed=2, people=0, cars=4, fps=5, **SIZE))
    last: dict[int, tuple[int, int, float]] = {}  # of each car: frame, passage, centre
    passages: dict[int, set[int]] = {}
    for index in range(300):
        for seen in street.truth(index):
            centre = (seen.box_xyxy[0] + seen.box_xyxy[2]) / 2
            before = last.get(seen.track_id)
            if before is not None and before[1] == seen.passage and before[0] == index - 1:
                assert abs(centre - before[2]) < 160
            passages.setdefault(seen.track_id, set()).add(seen.passage)
            last[seen.track_id] = (index, seen.passage, centre)
    assert max(map(len, passages.values())) > 1


def test_a_path_counts_its_rounds_as_u_wraps() -> None:
    ahead = Path(v=0, start=2, speed=3, span=(0, 10), heading=0)
    assert [ahead.passage(t) for t in (0, 2.6, 2.7, 6.1)] == [0, 0, 1, 2]
    back = Path(v=0, start=2, speed=-3, span=(0, 10), heading=0)
    assert [back.passage(t) for t in (0, 0.6, 0.7)] == [0, 0, -1]
    assert [ahead.u(2.6), ahead.u(2.7)] == pytest.approx([9.8, 0.1])


def test_a_path_may_lead_out_of_sight() -> None:
    there = Path(v=0, start=2, speed=3, span=(0, 10), heading=0, beyond=30)
    assert [there.is_in_sight(t) for t in (0, 2.6, 2.7, 12.6, 12.7)] == [
        True, True, False, False, True
    ]  # fmt: skip
    assert [there.passage(t) for t in (2.7, 12.7)] == [0, 1]


def test_rare_traffic_comes_in_at_the_edges_and_leaves_the_street_empty() -> None:
    options = StreetOptions(
        seed=11, people=2, cars=2, buses=0, trucks=0, bicycles=0, motorcycles=0, dogs=0, cats=0,
        horses=0, sheep=0, cows=0, traffic=0.05, fps=10, **SIZE,
    )  # fmt: skip
    street = Street(options)
    frames = [street.truth(index) for index in range(3000)]
    assert 0 < sum(map(bool, frames)) < 0.2 * len(frames)
    first: dict[tuple[int, int], SceneObject] = {}
    for index, frame in enumerate(frames):
        for seen in frame:
            if (seen.track_id, seen.passage) not in first and index > 0:
                first[seen.track_id, seen.passage] = seen
    assert len(first) > len({seen.track_id for seen in first.values()}), "they come again"
    for seen in first.values():
        assert seen.box_xyxy[0] == 0 or seen.box_xyxy[2] == SIZE["width"]


def test_without_a_word_about_traffic_a_street_is_what_it_was() -> None:
    usual = Street(StreetOptions(seed=7, **SIZE))
    said = Street(StreetOptions(seed=7, traffic=1.0, **SIZE))
    assert usual.truth(40) == said.truth(40)
    assert any(actor.path.speed == 0 for actor in usual.actors if actor.labels)


def test_light_changes_with_time_unless_switched_off() -> None:
    still: dict[str, Any] = {"people": 0, "cars": 0, "noise": False, "shadows": False}
    bright = draw(Street(StreetOptions(seed=1, **SIZE, **still)), 0)
    cloudy = draw(Street(StreetOptions(seed=1, **SIZE, **still)), round(23.5 * 25))
    assert cloudy[:20].mean() < 0.9 * bright[:20].mean()
    steady = Street(StreetOptions(seed=1, light=False, **SIZE, **still))
    assert np.array_equal(draw(steady, 0)[:20], draw(steady, round(23.5 * 25))[:20])


def test_frame_count_is_none_when_the_scene_never_ends() -> None:
    assert Street(StreetOptions(seed=1, **SIZE)).frame_count is None
    assert Street(StreetOptions(seed=1, seconds=2, fps=12.5, **SIZE)).frame_count == 25


def test_index_after_the_end_is_refused() -> None:
    street = Street(StreetOptions(seed=1, seconds=2, **SIZE))
    with pytest.raises(SceneError, match="street frame index: expected 0 to 49, got 50"):
        street.truth(50)


def test_wrong_frame_is_refused() -> None:
    street = Street(StreetOptions(seed=1, **SIZE))
    with pytest.raises(
        SceneError, match=r"street frame: expected uint8 \(240, 320, 3\), got uint8"
    ):
        street.draw(0, np.zeros((320, 240, 3), np.uint8))


def test_frame_may_be_a_view_into_a_larger_buffer() -> None:
    street = Street(StreetOptions(seed=1, **SIZE))
    slots = np.zeros((3, 240, 320, 3), np.uint8)
    street.draw(5, slots[1])
    assert np.array_equal(slots[1], draw(street, 5))
    assert not slots[0].any()
    assert not slots[2].any()


def test_endless_scene_stops_growing_once_every_sprite_is_known() -> None:
    street = Street(StreetOptions(seed=6, people=2, cars=1, fps=5, width=160, height=120))
    frame = np.zeros((120, 160, 3), np.uint8)
    for index in range(1500):
        street.draw(index, frame)
    tracemalloc.start()
    for index in range(1500, 2000):
        street.draw(index, frame)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 300_000
