"""A day of one camera at a glance."""

from collections.abc import Iterable

from stages.services.archive.index import Item
from stages.services.archive.layout import NS, Kind, day_of
from stages.services.archive.listing import Listing
from stages.services.web.past.answers import Span, Timeline, describe
from stages.services.web.past.query import Stretch

_HOUR_NS = 3600 * NS
_BESIDE_NS = 2 * NS  # films so close to each other are told as one


def make_timeline(listing: Listing, camera: str, stretch: Stretch) -> Timeline:
    begin_ns, end_ns = stretch
    return Timeline(
        camera,
        day_of(begin_ns),
        begin_ns,
        end_ns,
        tuple(join(listing.overlapping(camera, Kind.CONTINUOUS, begin_ns, end_ns))),
        tuple(map(describe, listing.overlapping(camera, Kind.CLIP, begin_ns, end_ns))),
        tuple(listing.count_events(camera, begin_ns, end_ns, _HOUR_NS)),
    )


def join(items: Iterable[Item]) -> list[Span]:
    """Times that are recorded without a gap, of files in the order of their beginnings."""
    spans: list[Span] = []
    for item in items:
        if spans and item.begin_ns <= spans[-1].end_unix_ns + _BESIDE_NS:
            last = spans.pop()
            spans.append(Span(last.begin_unix_ns, max(last.end_unix_ns, item.end_ns)))
        else:
            spans.append(Span(item.begin_ns, item.end_ns))
    return spans
