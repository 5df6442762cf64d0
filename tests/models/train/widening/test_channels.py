"""Which channels repeat which, and how their readers share weights."""

import pytest
import torch

from models.errors import ConfigError
from models.train.widening.channels import (
    SPARE,
    convolved,
    every_channel,
    pass_on,
    repeat_channels,
    repeat_outputs,
    share_inputs,
)

pytestmark = pytest.mark.torch

UNITS = (3, 7)  # of stride 1 in the stages of ShuffleNetV2


@pytest.mark.parametrize("units", UNITS)
@pytest.mark.parametrize(
    ("narrow", "wide"), [(60, 132), (120, 264), (240, 528), (60, 248), (12, 28), (24, 24)]
)
def test_repeats_are_read_where_the_originals_are(narrow: int, wide: int, units: int) -> None:
    """Channels pass through the units of both networks, each with its number on it."""
    repeats = torch.cat(
        [
            repeat_channels(range(narrow // 2), range(wide // 2), units),
            repeat_channels(range(narrow // 2, narrow), range(wide // 2, wide), units),
        ]
    )
    narrow_state = torch.arange(narrow)  # numbers of what the stride-2 unit wrote
    wide_state = repeats.clone()
    for after in range(units - 1, -1, -1):
        odd = wide_state[1::2]
        expected = narrow_state[1::2]
        read = convolved(repeats)
        assert torch.equal(odd[read != SPARE], expected[read[read != SPARE]])
        assert set(read.tolist()) >= set(range(narrow // 2)), "an input of the unit is lost"
        new = repeat_channels(range(narrow // 2, narrow), range(wide // 2, wide), after)
        first_number = (units - after) * narrow  # unlike those of all units before
        of_branch = torch.where(new == SPARE, SPARE, new - narrow // 2 + first_number)
        wide_state = torch.cat((wide_state[0::2], of_branch))
        narrow_state = torch.cat((narrow_state[0::2], torch.arange(narrow // 2) + first_number))
        repeats = torch.cat((pass_on(repeats), new))
    known = repeats != SPARE
    assert torch.equal(wide_state[known], narrow_state[repeats[known]])
    assert set(repeats[known].tolist()) == set(range(narrow))


def test_few_places_stay_spare() -> None:
    """SNet146's 264 channels have one that seven units pass on, where SNet49 has none."""
    repeats = repeat_channels(range(60, 120), range(132, 264), 7)
    assert (repeats == SPARE).nonzero().flatten().tolist() == [256 - 132]


def test_a_layer_without_room_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"widening 60 channels to 30: expected a place for each"):
        repeat_channels(range(60, 120), range(30, 60), 3)
    with pytest.raises(ConfigError, match=r"widening 48 channels: expected at least as many, got"):
        every_channel(48, 24)


def test_shares_add_up_and_differ() -> None:
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(5, 3, 2, 2, generator=generator)
    repeats = torch.tensor([0, 1, 0, 2, SPARE, 1, 0])
    shared = share_inputs(weight, repeats, 0.5, generator)
    assert shared.shape == (5, 7, 2, 2)
    for channel in range(3):
        shares = shared[:, repeats == channel]
        torch.testing.assert_close(shares.sum(dim=1), weight[:, channel])
        differences = (shares - weight[:, channel : channel + 1] / shares.shape[1]).abs()
        assert (differences.mean() > 0.05) == (shares.shape[1] > 1), "one share is all of it"
    assert not shared[:, repeats == SPARE].any(), "what is spare is not read yet"
    equal = share_inputs(weight, repeats, 0.0, generator)
    assert torch.equal(equal[:, 0], equal[:, 2])


def test_a_repeat_computes_what_its_original_does() -> None:
    generator = torch.Generator().manual_seed(0)
    weight, x = torch.randn(6, 4, generator=generator), torch.randn(4, generator=generator)
    inputs, outputs = torch.tensor([3, 2, 1, 0, 0, 3]), torch.tensor([5, 0, 1, 2, 3, 4, 5, 1])
    wide = share_inputs(repeat_outputs(weight, outputs), inputs, 0.5, generator)
    torch.testing.assert_close(wide @ x[inputs], (weight @ x)[outputs])
