import pytest

from tests.stages.events.street_counts import Film, draw_film, true_counts, watched_counts

# Nothing large hides what moves: tracks that are lost and swapped are counted in `make bench`.
STREET = (
    "seed=3&seconds=20&people=10&bicycles=4&cars=2&motorcycles=2&dogs=2"
    "&buses=0&trucks=0&horses=0&sheep=0&cows=0&cats=0"
)


@pytest.fixture(scope="module")
def film() -> Film:
    return draw_film(STREET, (640, 360), fps=10)


@pytest.mark.parametrize("fps", [10, 5])
def test_counts_over_lines_are_within_two_percent_of_the_truth(film: Film, fps: int) -> None:
    """Of each line and direction: one too many does not make up for one too few elsewhere."""
    thinned = film.thin(round(film.fps / fps))
    truth, off, seeds = true_counts(thinned), 0, range(3)
    assert truth.total() > 100
    assert len(truth) == 6  # three lines, both directions
    for seed in seeds:
        told = watched_counts(thinned, seed)
        off += (told - truth).total() + (truth - told).total()
    assert off <= 0.02 * truth.total() * len(seeds)
