"""Signs of life in the midst of long work: a recorder that gives none for too long is killed.

One that goes on where another was killed has much to write at once. Killed again for that, it
would leave still more to the next one.
"""

from collections.abc import Callable

Beat = Callable[[], None]


def unheard() -> None:
    """Of work that nobody waits for."""
