"""A report such as a board with two kinds of cores would give."""

from stages.line.bench.capacity import Try
from stages.line.bench.line_speed import LineSpeed
from stages.line.bench.report import BenchReport, CoreGroup, Proposal

NETWORKS_MS = {
    "thundernet-snet49-street11": 31.0,
    "thundernet-snet49-street11-int8": 19.4,
    "thundernet-snet146-street11": 80.0,
}


def make_try(cameras: int, got: float) -> Try:
    speed = LineSpeed(4.0, [round(4 * got / cameras)] * cameras, 7, 41.0, 80.0, {}, 210.0)
    return Try(cameras, 10.0 * cameras, got, got > 9.5 * cameras, speed)


def make_report() -> BenchReport:
    return BenchReport(
        board="Board <1>, 4 cores, aarch64",
        size_wh=(1280, 720),
        per_camera=10.0,
        fps=25.0,
        groups=[
            CoreGroup([2, 3], 4.0, NETWORKS_MS, 0.98),
            CoreGroup([0, 1], 9.6, {name: 2.5 * ms for name, ms in NETWORKS_MS.items()}, 0.4),
        ],
        tries=[make_try(1, 10.0), make_try(3, 30.0), make_try(4, 31.0)],
        cameras=3,
        is_limit_known=True,
        model="thundernet-snet49-street11-int8",
        proposal=Proposal("thundernet-snet49-street11-int8", 2, {"detect": [2, 3]}),
        took_s=80.0,
    )
