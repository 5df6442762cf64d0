"""The protobuf format, as a parser that is made of its published description reads it."""

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from pipeline.memory.ages import AGE_BUCKETS, AGE_FLOOR_LOG2_S, AGE_SCHEMA, age_bucket
from stages.services.metrics import families
from stages.services.metrics.histogram import Scale
from stages.services.metrics.metric import Histograms, Metric
from stages.services.metrics.protobuf import ProtobufFormat
from tests.stages.services.metrics.exposition import Key, key, parse_plain, render
from tests.stages.services.metrics.line_readings import collect, make_camera

SCALE = Scale(AGE_SCHEMA, 3, AGE_FLOOR_LOG2_S, halves_log2=(-8, 0), last_log2=4)
# metrics.proto of prometheus/client_model: name, number and type of each field that matters.
MESSAGES: dict[str, list[tuple[str, int, str]]] = {
    "LabelPair": [("name", 1, "string"), ("value", 2, "string")],
    "Gauge": [("value", 1, "double")],
    "Counter": [("value", 1, "double")],
    "Bucket": [("cumulative_count", 1, "uint64"), ("upper_bound", 2, "double")],
    "BucketSpan": [("offset", 1, "sint32"), ("length", 2, "uint32")],
    "Histogram": [
        ("sample_count", 1, "uint64"), ("sample_sum", 2, "double"), ("bucket", 3, "*Bucket"),
        ("schema", 5, "sint32"), ("zero_threshold", 6, "double"), ("zero_count", 7, "uint64"),
        ("positive_span", 12, "*BucketSpan"), ("positive_delta", 13, "*sint64"),
    ],
    "Metric": [
        ("label", 1, "*LabelPair"), ("gauge", 2, "Gauge"), ("counter", 3, "Counter"),
        ("histogram", 7, "Histogram"),
    ],
    "MetricFamily": [
        ("name", 1, "string"), ("help", 2, "string"), ("type", 3, "int32"),
        ("metric", 4, "*Metric"),
    ],
}  # fmt: skip


def make_parser() -> Any:
    """The class of a family."""
    file = descriptor_pb2.FileDescriptorProto(name="m.proto", package="p", syntax="proto2")
    field_types: Any = descriptor_pb2.FieldDescriptorProto
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            plain = kind.removeprefix("*")
            label = field_types.LABEL_REPEATED if plain != kind else field_types.LABEL_OPTIONAL
            added = message.field.add(name=field, number=number, label=label)
            if plain in MESSAGES:
                added.type, added.type_name = field_types.TYPE_MESSAGE, f".p.{plain}"
            else:
                added.type = getattr(field_types, f"TYPE_{plain.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = pool.FindMessageTypeByName("p.MetricFamily")
    return message_factory.GetMessageClass(found)


FAMILY = make_parser()


def parse(content: bytes) -> Iterator[Any]:
    """Families, each after its length. Nothing may be left over."""
    place = 0
    while place < len(content):
        size = shift = 0
        while True:
            byte = content[place]
            place += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        assert place + size <= len(content)
        family = FAMILY.FromString(content[place : place + size])
        yield family
        place += size


def numbers(content: bytes) -> dict[Key, float]:
    """As the text formats have them."""
    found: dict[Key, float] = {}
    for family in parse(content):
        for metric in family.metric:
            labels = {pair.name: pair.value for pair in metric.label}
            if family.type == 4:
                histogram = metric.histogram
                for bucket in histogram.bucket:
                    edge = "+Inf" if math.isinf(bucket.upper_bound) else repr(bucket.upper_bound)
                    name = key(f"{family.name}_bucket", **labels, le=edge)
                    found[name] = bucket.cumulative_count
                found[key(f"{family.name}_count", **labels)] = histogram.sample_count
                found[key(f"{family.name}_sum", **labels)] = histogram.sample_sum
            else:
                value = metric.counter if family.type == 0 else metric.gauge
                found[key(family.name, **labels)] = value.value
    return found


def native(histogram: Any) -> dict[int, int]:
    """Counts by index of the bucket."""
    deltas = list(histogram.positive_delta)
    counts = np.cumsum(deltas).tolist()
    found, index = {}, 0
    for span in histogram.positive_span:
        index += span.offset
        for _ in range(span.length):
            found[index] = counts.pop(0)
            index += 1
    assert not counts
    return found


def test_it_holds_the_same_numbers_as_the_text() -> None:
    metrics = collect([make_camera("gate"), make_camera("yard", captured=1 << 60)])
    text = parse_plain(render(metrics, openmetrics=False))
    formats = ProtobufFormat()
    assert numbers(formats.render(metrics)) == text
    assert numbers(formats.render(metrics)) == text, "with what is kept from the first time"


@pytest.mark.parametrize("ages", [0, 1, 3, 5000])
def test_native_buckets_count_what_is_within_their_edges(ages: int) -> None:
    ages_ms = np.random.default_rng(3).lognormal(3.0, 2.0, ages).tolist()
    ages_ms += [0.0, 0.05] * (ages > 1)
    counts = np.bincount([age_bucket(age) for age in ages_ms], minlength=AGE_BUCKETS)
    metric = Histograms(families.AGE, (("gate",),), counts[None], [sum(ages_ms) / 1000], SCALE)
    (family,) = parse(ProtobufFormat().render([metric]))
    histogram = family.metric[0].histogram
    assert (histogram.schema, histogram.zero_threshold) == (3, 2.0**AGE_FLOOR_LOG2_S)
    floor_ms = 1000 * 2.0**AGE_FLOOR_LOG2_S
    assert histogram.zero_count == sum(age <= floor_ms for age in ages_ms)
    expected = Counter(math.ceil(math.log2(a / 1000) * 8) for a in ages_ms if a > floor_ms)
    assert native(histogram) == expected
    assert histogram.sample_count == len(ages_ms)


def test_labels_that_change_are_those_of_now() -> None:
    formats = ProtobufFormat()
    for labels in ((("gate", 'a "b"\n'),), (("gate", "car"), ("yard", "Fußgänger")), ()):
        counts = list(range(len(labels)))
        found = numbers(formats.render([Metric(families.TRACKS, labels, counts)]))
        assert found == {
            key("thunderline_tracks_total", camera=camera, label=label): count
            for count, (camera, label) in enumerate(labels)
        }
