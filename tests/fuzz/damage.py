"""What happens to bytes on their way: cut, flipped, lost, repeated, overwritten."""

import random
from collections.abc import Callable

from hypothesis import strategies as st

Damage = Callable[[bytes, random.Random], bytes]


def cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def flip_bits(data: bytes, rng: random.Random) -> bytes:
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        at = rng.randrange(len(damaged))
        damaged[at] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def lose(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + data[at + rng.choice((1, 4, 100, 4000)) :]


def repeat(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[: at + rng.choice((1, 8, 500))] + data[at:]


def overwrite(data: bytes, rng: random.Random) -> bytes:
    """With what lengths and counts are made of when they are wrong."""
    at = rng.randrange(len(data))
    word = rng.choice((b"\xff", b"\x00", b"\x7f\xff\xff\xff", b"\xff" * 8, rng.randbytes(16)))
    return data[:at] + word + data[at + len(word) :]


KINDS: tuple[Damage, ...] = (cut, flip_bits, lose, repeat, overwrite)


def damage(data: bytes, seed: int) -> bytes:
    """The same for the same seed; never the whole of it unharmed by accident alone."""
    rng = random.Random(seed)
    for _ in range(rng.choice((1, 1, 2, 3))):
        if data:
            data = rng.choice(KINDS)(data, rng)
    return data


def damaged(data: bytes) -> st.SearchStrategy[bytes]:
    return st.integers(0, 2**32).map(lambda seed: damage(data, seed))
