"""What a bench found, for people and for programs."""

import re
from collections.abc import Iterator, Mapping

import msgspec

from stages.line.bench.capacity import Try
from stages.model.model_choice import SUFFIX

_PLAIN, _QUANTIZED = "float", "8-bit"
_SNET = re.compile(r"snet(\d+)")
_QUIET = 0.9  # of a core's time; reading files takes some, too
_HEIGHTS = {(1280, 720): "720p", (1920, 1080): "1080p"}


class CoreGroup(msgspec.Struct, frozen=True):
    """Cores that are equally fast, and the times of one of them."""

    cores: list[int]
    decode_ms: float  # a frame of the clip
    network_ms: dict[str, float]  # one inference, by the name of the model, small ones first
    share: float  # of that core's time which the measurement had


class Proposal(msgspec.Struct, frozen=True):
    """Keys of a configuration that suit the board."""

    model: str
    replicas: int
    cores: dict[str, list[int]]


class BenchReport(msgspec.Struct, frozen=True):
    """All that was measured."""

    board: str
    size_wh: tuple[int, int]
    per_camera: float  # detections a second that were asked for
    fps: float  # frames a second that each camera sends
    groups: list[CoreGroup]  # the fastest first
    tries: list[Try]
    cameras: int  # that got what was asked for; 0 if one is too much
    is_limit_known: bool  # whether one more was tried, and was too much
    model: str  # the name of that which the lines ran
    proposal: Proposal
    took_s: float


def headline(report: BenchReport) -> str:
    """The board in one sentence."""
    networks = _by_network(report.groups[0].network_ms)
    names = [name for name in networks if report.model in networks[name].names]
    name = next(iter(names or networks))
    return f"this board: {name} {networks[name]}; {describe_cameras(report)}"


def describe_cameras(report: BenchReport) -> str:
    """How many cameras, or how much of one."""
    what = f"of {size_name(report.size_wh)} at {report.per_camera:g} detections a second"
    if report.cameras == 0:
        got = max((each.got for each in report.tries if each.cameras == 1), default=0.0)
        return f"1 camera of {size_name(report.size_wh)} at {got:.1f} detections a second"
    more = "" if report.is_limit_known else ", perhaps more"
    return f"{report.cameras} camera{'s' if report.cameras > 1 else ''} {what}{more}"


def describe(report: BenchReport) -> str:
    """The page: the sentence, the tables, and what to paste."""
    loud = [f"! {warning}" for warning in warnings(report)]
    rows = [
        headline(report),
        *loud,
        "",
        report.board,
        *_core_table(report),
        "",
        *_line_table(report),
        "",
    ]
    return "\n".join([*rows, "# for the configuration", to_yaml(report.proposal)])


def warnings(report: BenchReport) -> Iterator[str]:
    """What makes the figures worse than the board is."""
    for group in report.groups:
        if group.share < _QUIET:
            taken = 100 * (1 - group.share)
            yield (
                f"core {group.cores[-1]}: other programs took {taken:.0f} % of its time meanwhile; "
                "measure again when they are done"
            )


def to_yaml(proposal: Proposal) -> str:
    """The keys, to be pasted into a configuration."""
    cores = ", ".join(f"{name}: {numbers}" for name, numbers in proposal.cores.items())
    return f"model: {proposal.model}\ndetect: {{replicas: {proposal.replicas}}}\ncores: {{{cores}}}"


def size_name(size_wh: tuple[int, int]) -> str:
    return _HEIGHTS.get(size_wh, f"{size_wh[0]}x{size_wh[1]}")


def model_label(model: str) -> str:
    """A model's name for people."""
    found = _SNET.search(model)
    name = f"SNet{found[1]}" if found else model.partition(SUFFIX)[0]
    return f"{name}, {_QUANTIZED if SUFFIX in model else _PLAIN}"


class _Times(msgspec.Struct):
    """One network: its times by version, and the names of its files."""

    ms: dict[str, float]
    names: list[str]

    def __str__(self) -> str:
        return ", ".join(f"{_digits(ms)} ms {version}" for version, ms in self.ms.items())


def _by_network(network_ms: Mapping[str, float]) -> dict[str, _Times]:
    """Of several versions in 8 bits, the fastest counts."""
    networks = dict[str, _Times]()
    for model, ms in network_ms.items():
        name, _, version = model_label(model).rpartition(", ")
        times = networks.setdefault(name, _Times({}, []))
        times.ms[version] = min(ms, times.ms.get(version, ms))
        times.names.append(model)
    return networks


def _core_table(report: BenchReport) -> Iterator[str]:
    heads = [
        f"{'core' if len(g.cores) == 1 else 'cores'} {_ranges(g.cores)}" for g in report.groups
    ]
    width = max(10, *map(len, heads))
    yield f"{'':<26}" + "".join(f"{head:>{width + 2}}" for head in heads)
    rows = {f"decode {size_name(report.size_wh)}": [g.decode_ms for g in report.groups]}
    for model in report.groups[0].network_ms:
        rows[model_label(model)] = [g.network_ms[model] for g in report.groups]
    for name, values in rows.items():
        yield f"{name:<26}" + "".join(f"{_digits(ms) + ' ms':>{width + 2}}" for ms in values)


def _line_table(report: BenchReport) -> Iterator[str]:
    yield f"{'the whole line':<26}  results a second   dropped   age p50   age p99    memory"
    for each in report.tries:
        name = f"{each.cameras} camera{'s' if each.cameras > 1 else ''}"
        if each.speed is None:
            yield f"{name:<26}  {each.error}"
            continue
        speed = each.speed
        yield (
            f"{name:<26}  {each.got:6.1f} of {each.asked:<6g} {speed.dropped:>9}   "
            f"{_age(speed.age_p50_ms):>7}   {_age(speed.age_p99_ms):>7}   "
            f"{speed.memory_mib:>3.0f} MiB"
        )


def _age(ms: float | None) -> str:
    return "-" if ms is None else f"{ms:.0f} ms"


def _digits(ms: float) -> str:
    return f"{ms:.1f}" if ms < 9.95 else f"{ms:.0f}"


def _ranges(cores: list[int]) -> str:
    """Numbers in a row as one range."""
    rows = list[list[int]]()
    for core in sorted(cores):
        if rows and rows[-1][-1] == core - 1:
            rows[-1].append(core)
        else:
            rows.append([core])
    return ", ".join(f"{row[0]}-{row[-1]}" if len(row) > 1 else str(row[0]) for row in rows)
