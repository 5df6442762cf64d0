from pipeline.links.chain import Chain
from tests.pipeline.frames import make_ref


def name_before(chain: Chain, frame_id: int, after: int | None = None) -> int:
    """The frame that a reference names as the one before when it is sent."""
    return chain.link(make_ref(frame_id, after=after)).after


def test_a_frame_names_the_one_before() -> None:
    chain = Chain()
    assert [name_before(chain, frame) for frame in (3, 4, 5)] == [2, 3, 4]


def test_frames_that_are_left_out_are_named_by_none() -> None:
    for left_out in ((4, 5), (5, 4)):
        chain = Chain()
        for frame in left_out:
            chain.leave_out(make_ref(frame))
        assert name_before(chain, 6) == 3
        assert name_before(chain, 7) == 6


def test_a_frame_that_was_lost_before_is_still_named() -> None:
    """3 and 4 have not come; they are sent again."""
    chain = Chain()
    chain.leave_out(make_ref(2))
    assert name_before(chain, 5) == 4


def test_a_frame_is_named_of_which_only_an_older_copy_was_left_out() -> None:
    chain = Chain()
    chain.leave_out(make_ref(4))
    assert name_before(chain, 4, after=9) == 9
    assert name_before(chain, 5) == 4


def test_the_first_of_those_that_are_sent_again_may_be_left_out() -> None:
    chain = Chain()
    chain.leave_out(make_ref(6, after=8))
    assert name_before(chain, 7) == 8


def test_frames_that_are_left_out_again_are_named_by_none_again() -> None:
    chain = Chain()
    for frame in (6, 7, 8):
        chain.leave_out(make_ref(frame))
    for frame, after in ((6, 8), (7, 6), (8, 7)):
        chain.leave_out(make_ref(frame, after=after))
    assert name_before(chain, 9) == 5


def test_cameras_have_chains_of_their_own_and_one_that_is_gone_has_none() -> None:
    chain = Chain()
    chain.leave_out(make_ref(4))
    assert name_before(chain, 5) == 3
    assert chain.link(make_ref(5, camera=1)).after == 4
    chain.forget(0)
    assert name_before(chain, 5) == 4


def test_the_newest_that_were_left_out_are_kept() -> None:
    chain = Chain()
    for frame in range(1000):
        chain.leave_out(make_ref(frame))
    assert name_before(chain, 1000) == -1
    assert len(chain._left_out[0]) < 100
