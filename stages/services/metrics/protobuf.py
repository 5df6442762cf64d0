"""The protobuf format of metrics, which alone brings native histograms to Prometheus.

Messages are those of `io.prometheus.client` (metrics.proto of prometheus/client_model), each after
its length. Few kinds of fields are needed, so they are written here: the Python client of
Prometheus does not write this format, and the protobuf package is larger than this service.

A histogram has its classic buckets and the native ones, each of which is one or some of those of
the ledger: what they count is exact. Numbers that are no counts have eight bytes, so everything but
them is kept from one scrape to the next.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stages.services.metrics.families import Family
from stages.services.metrics.histogram import Counts, Scale, cumulate, merge
from stages.services.metrics.metric import Histograms, Labels, Metric
from stages.services.metrics.text import clean, plain_kind, sample_name
from stages.services.metrics.varint import varint, varints, zigzag, zigzags

PROTOBUF = (
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
)
_VARINT, _DOUBLE, _BYTES = 0, 1, 2  # kinds of fields
_KINDS = {"counter": 0, "gauge": 1, "histogram": 4}  # MetricType
_VALUE_FIELDS = {"counter": 3, "gauge": 2}  # of Metric
_HISTOGRAM_FIELD = 7

_TOTAL, _SUM, _BUCKET = b"\x08", b"\x11", b"\x1a"  # keys of fields 1, 2 and 3
# What stands before the count of a classic bucket, by the bytes that the count takes.
_BUCKETS = [_BUCKET + varint(10 + size) + _TOTAL for size in range(11)]

_double = struct.Struct("<d").pack


class ProtobufFormat:
    """Writes expositions of one line."""

    def __init__(self) -> None:
        # Of each family the last labels, and what stands before, between and after the numbers.
        self._forms: dict[Family, tuple[tuple[Labels, ...], list[bytes]]] = {}

    def render(self, metrics: Iterable[Metric | Histograms]) -> bytes:
        """The exposition. Families without numbers are left out."""
        return b"".join(self._render(metric) for metric in metrics if metric.labels)

    def _render(self, metric: Metric | Histograms) -> bytes:
        known = self._forms.get(metric.family)
        if known is None or known[0] != metric.labels:
            known = metric.labels, _form(metric)
            self._forms[metric.family] = known
        form = known[1]
        if isinstance(metric, Histograms):
            return b"".join(_histograms(metric, form))
        form[1::2] = map(_double, metric.values)
        return b"".join(form)


def _form(metric: Metric | Histograms) -> list[bytes]:
    """Of numbers, what stands before each, and a place for it. Of histograms, the head and the
    labels of each.
    """
    head = _head(metric.family)
    labels = [_labels(metric.family, values) for values in metric.labels]
    if isinstance(metric, Histograms):
        return [head, *labels]
    field = _key(_VALUE_FIELDS[plain_kind(metric.family)], _BYTES)
    value = field + varint(9) + _key(1, _DOUBLE)  # a message with the number as its only field
    starts = [_sized(4, each + value + bytes(8))[:-8] for each in labels]
    size = len(head) + sum(len(start) + 8 for start in starts)
    starts[0] = varint(size) + head + starts[0]
    return [part for start in starts for part in (start, b"")]


def _head(family: Family) -> bytes:
    name, text = sample_name(family).encode(), family.help.encode()
    kind = _key(3, _VARINT) + varint(_KINDS[plain_kind(family)])
    return _sized(1, name) + _sized(2, text) + kind


def _labels(family: Family, values: Labels) -> bytes:
    pairs = zip(family.labels, values, strict=True)
    return b"".join(
        _sized(1, _sized(1, name.encode()) + _sized(2, clean(value).encode()))
        for name, value in pairs
    )


def _histograms(metric: Histograms, form: list[bytes]) -> Iterator[bytes]:
    head, *labels = form
    edges = _edges(metric.scale)
    up_to = cumulate(metric.counts, metric.scale).tolist()
    native = _native(metric.counts, metric.scale)
    body = [head]
    for name, counts, sum_s, last in zip(labels, up_to, metric.sums, native, strict=True):
        classic = _classic(counts, edges)
        histogram = b"".join((_TOTAL, varint(counts[-1]), _SUM, _double(sum_s), *classic, last))
        body.append(_sized(4, name + _sized(_HISTOGRAM_FIELD, histogram)))
    yield varint(sum(map(len, body)))
    yield from body


def _classic(counts: list[int], edges: Sequence[bytes]) -> list[bytes]:
    """The classic buckets of a histogram, of counts that only grow."""
    parts, last, start = [], -1, b""
    for count, edge in zip(counts, edges, strict=True):
        if count != last:
            last, number = count, varint(count)
            start = _BUCKETS[len(number)] + number
        parts.append(start)
        parts.append(edge)
    return parts


@lru_cache(maxsize=8)
def _edges(scale: Scale) -> tuple[bytes, ...]:
    """Of the classic buckets, as fields: nine bytes each."""
    edges = [edge for _, edge in scale.edges()]
    return tuple(_key(2, _DOUBLE) + _double(edge) for edge in (*edges, float("inf")))


def _native(counts: Counts, scale: Scale) -> Iterator[bytes]:
    """The native buckets of each histogram (N, B): those that have counted anything, in spans.

    The first of the scale is the zero bucket.
    """
    filled = _find_filled(merge(counts, scale), 1 + scale.native_floor)
    schema = _key(5, _VARINT) + varint(zigzag(scale.native_schema))
    schema += _key(6, _DOUBLE) + _double(2.0**scale.floor_log2) + _key(7, _VARINT)
    zeros, count = counts[:, 0].tolist(), len(counts)
    for zero, spans, deltas in zip(
        zeros, _spans(filled, count), _deltas(filled, count), strict=True
    ):
        yield b"".join((schema, varint(zero), spans, deltas))


class _Filled(NamedTuple):
    """Native buckets that have counted something, of one histogram after the other: (M,) each.

    Attributes:
        rows: to which of the histograms each belongs.
        indices: what Prometheus calls it.
        numbers: what it has counted.
        is_next: (M - 1,), whether each but the first is of the same histogram as the one before.
    """

    rows: npt.NDArray[np.intp]
    indices: npt.NDArray[np.intp]
    numbers: Counts
    is_next: npt.NDArray[np.bool_]


def _find_filled(merged: Counts, first_index: int) -> _Filled:
    """Among the native buckets of histograms (N, B)."""
    flat = merged.ravel()
    places = np.flatnonzero(flat)
    rows, columns = np.divmod(places, merged.shape[1])
    return _Filled(rows, columns + first_index, flat[places], rows[1:] == rows[:-1])


def _spans(filled: _Filled, count: int) -> Iterator[bytes]:
    """Buckets that follow each other are a span; each says how far it is from the one before.

    `count` is of the histograms.
    """
    offsets = filled.indices.copy()  # from the end of the bucket before; else from 0
    offsets[1:] -= (filled.indices[:-1] + 1) * filled.is_next
    begins_anew = offsets != 0
    begins_anew[:1] = True
    begins_anew[1:] |= ~filled.is_next
    begins = np.flatnonzero(begins_anew)
    bounds = [*begins.tolist(), len(offsets)]
    lengths = [end - begin for begin, end in pairwise(bounds)]
    spans = list(map(_span, offsets[begins].tolist(), lengths))
    for start, end in pairwise(_bounds(filled.rows[begins], count)):
        yield b"".join(spans[start:end])


def _deltas(filled: _Filled, count: int) -> Iterator[bytes]:
    """How much each differs from the one before in the same of `count` histograms."""
    differences = filled.numbers.copy()
    differences[1:] -= filled.numbers[:-1] * filled.is_next
    found = varints(zigzags(differences).tolist())
    for start, end in pairwise(_bounds(filled.rows, count)):
        yield _sized(13, b"".join(found[start:end])) if end > start else b""


def _bounds(rows: npt.NDArray[np.intp], count: int) -> list[int]:
    """Where each of `count` rows begins among sorted ones, and where the last one ends."""
    return [0, *np.bincount(rows, minlength=count).cumsum().tolist()]


@lru_cache(maxsize=4096)
def _span(offset: int, length: int) -> bytes:
    """So many buckets, so far after the last span."""
    numbers = _key(1, _VARINT) + varint(zigzag(offset)) + _key(2, _VARINT) + varint(length)
    return _sized(12, numbers)


def _key(field: int, kind: int) -> bytes:
    return bytes((field << 3 | kind,))


def _sized(field: int, content: bytes) -> bytes:
    return b"".join((_key(field, _BYTES), varint(len(content)), content))
