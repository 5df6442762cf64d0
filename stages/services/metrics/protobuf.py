"""The protobuf format of metrics, which alone brings native histograms to Prometheus.

Messages are those of `io.prometheus.client` (metrics.proto of prometheus/client_model), each after
its length. Few kinds of fields are needed, so they are written here: the Python client of
Prometheus does not write this format, and the protobuf package is larger than this service.

A histogram has its classic buckets and the native ones, each of which is one or some of those of
the ledger: what they count is exact. Numbers that are no counts have eight bytes, so everything but
them is kept from one scrape to the next.
"""

import struct
from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np

from stages.services.metrics.families import Family
from stages.services.metrics.histogram import Counts, Scale, cumulate, merge
from stages.services.metrics.metric import Histograms, Labels, Metric
from stages.services.metrics.text import clean, plain_kind, sample_name

PROTOBUF = (
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
)
_VARINT, _DOUBLE, _BYTES = 0, 1, 2  # kinds of fields
_KINDS = {"counter": 0, "gauge": 1, "histogram": 4}  # MetricType
_VALUE_FIELDS = {"counter": 3, "gauge": 2}  # of Metric
_HISTOGRAM_FIELD = 7

_TOTAL, _SUM, _BUCKET = b"\x08", b"\x11", b"\x1a"  # keys of fields 1, 2 and 3

_double = struct.Struct("<d").pack


class ProtobufFormat:
    """Writes expositions of one line."""

    def __init__(self) -> None:
        # Of each family the last labels, and what stands before each number.
        self._forms: dict[Family, tuple[tuple[Labels, ...], list[bytes]]] = {}

    def render(self, metrics: Iterable[Metric | Histograms]) -> bytes:
        """The exposition. Families without numbers are left out."""
        parts: list[bytes] = []
        for metric in metrics:
            if metric.labels:
                parts += self._render(metric)
        return b"".join(parts)

    def _render(self, metric: Metric | Histograms) -> Iterator[bytes]:
        known = self._forms.get(metric.family)
        if known is None or known[0] != metric.labels:
            known = metric.labels, _form(metric)
            self._forms[metric.family] = known
        if isinstance(metric, Histograms):
            yield from _histograms(metric, known[1])
        else:
            for start, value in zip(known[1], metric.values, strict=True):
                yield start
                yield _double(value)


def _form(metric: Metric | Histograms) -> list[bytes]:
    """Of numbers, all that stands before each. Of histograms, the head and the labels of each."""
    head = _head(metric.family)
    labels = [_labels(metric.family, values) for values in metric.labels]
    if isinstance(metric, Histograms):
        return [head, *labels]
    field = _key(_VALUE_FIELDS[plain_kind(metric.family)], _BYTES)
    value = field + _varint(9) + _key(1, _DOUBLE)  # a message with the number as its only field
    starts = [_sized(4, each + value + bytes(8))[:-8] for each in labels]
    size = len(head) + sum(len(start) + 8 for start in starts)
    starts[0] = _varint(size) + head + starts[0]
    return starts


def _head(family: Family) -> bytes:
    name, text = sample_name(family).encode(), family.help.encode()
    kind = _key(3, _VARINT) + _varint(_KINDS[plain_kind(family)])
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
    native = _native(metric.counts, metric.scale)
    body = [head]
    for name, up_to, sum_s in zip(
        labels, cumulate(metric.counts, metric.scale).tolist(), metric.sums, strict=True
    ):
        parts = [_TOTAL, _varint(up_to[-1]), _SUM, _double(sum_s)]
        for count, edge in zip(up_to, edges, strict=True):
            number = _varint(count)
            parts += (_BUCKETS[len(number)], number, edge)
        parts.append(next(native))
        body.append(_sized(4, name + _sized(_HISTOGRAM_FIELD, b"".join(parts))))
    message = b"".join(body)
    yield _varint(len(message))
    yield message


@lru_cache(maxsize=8)
def _edges(scale: Scale) -> tuple[bytes, ...]:
    """Of the classic buckets, as fields: nine bytes each."""
    edges = [edge for _, edge in scale.edges()]
    return tuple(_key(2, _DOUBLE) + _double(edge) for edge in (*edges, float("inf")))


def _native(counts: Counts, scale: Scale) -> Iterator[bytes]:
    """The native buckets of each histogram (N, B): those that have counted anything, in spans.

    The first of the scale is the zero bucket.
    """
    merged = merge(counts, scale)
    rows, buckets = np.nonzero(merged)
    numbers = merged[rows, buckets]
    buckets += 1 + scale.native_floor
    ends = np.searchsorted(rows, np.arange(len(counts)), "right").tolist()
    schema = _key(5, _VARINT) + _varint(_zigzag(scale.native_schema))
    schema += _key(6, _DOUBLE) + _double(2.0**scale.floor_log2) + _key(7, _VARINT)
    start = 0
    for end, zero in zip(ends, counts[:, 0].tolist(), strict=True):
        spans, deltas = _spans(buckets[start:end].tolist()), _deltas(numbers[start:end])
        start = end
        yield b"".join((schema, _varint(zero), spans, deltas))


def _spans(buckets: list[int]) -> bytes:
    """Buckets that follow each other are a span; each says how far it is from the one before."""
    parts, end, first = [], 0, 0
    for place, bucket in enumerate(buckets):
        if place and bucket == buckets[place - 1] + 1:
            continue
        if place:
            parts.append(_span(buckets[first] - end, place - first))
            end = buckets[place - 1] + 1
        first = place
    if buckets:
        parts.append(_span(buckets[first] - end, len(buckets) - first))
    return b"".join(parts)


def _deltas(numbers: Counts) -> bytes:
    """How much each differs from the one before."""
    if not len(numbers):
        return b""
    found = np.diff(numbers, prepend=0)
    zigzag = ((found << 1) ^ (found >> 63)).tolist()
    return _sized(13, b"".join(map(_varint, zigzag)))


@lru_cache(maxsize=4096)
def _span(offset: int, length: int) -> bytes:
    """So many buckets, so far after the last span."""
    numbers = _key(1, _VARINT) + _varint(_zigzag(offset)) + _key(2, _VARINT) + _varint(length)
    return _sized(12, numbers)


def _key(field: int, kind: int) -> bytes:
    return bytes((field << 3 | kind,))


def _sized(field: int, content: bytes) -> bytes:
    return _key(field, _BYTES) + _varint(len(content)) + content


def _zigzag(number: int) -> int:
    return number << 1 if number >= 0 else (-number << 1) - 1


def _varint(number: int) -> bytes:
    if number < 0x80:
        return _SMALL[number]
    if number < 0x4000:
        return _PAIRS[number >> 7][number & 0x7F]
    parts = bytearray()
    while number >= 0x80:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


_SMALL = [bytes((number,)) for number in range(0x80)]
_PAIRS = [[bytes((low | 0x80, high)) for low in range(0x80)] for high in range(0x80)]
# What stands before the count of a classic bucket, by the bytes that the count takes.
_BUCKETS = [_BUCKET + _SMALL[10 + size] + _TOTAL for size in range(11)]
