"""A kind of body for tests of links and loops."""

from pipeline.links.parcel import Body


class Note(Body, frozen=True, tag="note"):
    text: bytes


class OtherNote(Body, frozen=True, tag="other"):
    text: bytes
