from stages.events.event import decode_events, encode_events
from tests.stages.events.happenings import LIFE, make_happening


def test_events_survive_their_way_and_none_take_no_room() -> None:
    events = (make_happening(3), make_happening(4, kind="track_end", reason="left", life=LIFE))
    assert decode_events(encode_events(events)) == events
    assert encode_events(()) == b""
    assert decode_events(b"") == ()
