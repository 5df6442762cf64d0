"""Clips that somebody asks for by hand: none is lost without a word, whatever ends the recorder."""

from collections.abc import Collection

from stages.services.archive.archive import Archive
from stages.services.archive.wishes import Wish
from stages.services.recorder.clips import Clips


class Granting:
    """A wish stays in the index until pictures of its clip are on the disk, or its end is told.

    A recorder that begins anew before that begins the clip anew, too.
    """

    def __init__(self, archive: Archive, clips: Clips, cameras: Collection[str]) -> None:
        self._archive, self._clips = archive, clips
        self._cameras = frozenset(cameras)
        self._begun = set[Wish]()  # which are in the index yet

    def begin(self, present: Collection[str], made: Collection[str] = ()) -> None:
        """Begin the clips of new wishes.

        Args:
            present: cameras of the line. With one that has come just now the recorder begins anew,
                and the wish waits for that.
            made: groups of the clips that a process before this one has begun.
        """
        for wish in self._archive.wishes():
            is_early = wish.camera in present and wish.camera not in self._cameras
            if wish not in self._begun and not is_early:
                self._begun.add(wish)
                self._clips.wish(wish, made)

    def drop(self) -> None:
        """Forget the wishes that need no successor."""
        done = [wish for wish in self._begun if not self._clips.waits_for(wish)]
        if done and self._archive.drop_wishes(done):
            self._begun.difference_update(done)
