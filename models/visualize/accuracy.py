"""Figure 1: accuracy against operations, the paper's figures and those of our model files.

A model file's scores lie beside it, with the suffix .json, as `models.evaluate --results` writes
them. Which data set they are of follows from their form; figures of different sets have panels of
their own.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

from models.complexity.command import CONFIGS, measure_detector
from models.complexity.paper_row import load_row
from models.data.report import DataError, DataReport
from models.evaluate.coco import CocoScore
from models.evaluate.protocol import read_scores
from models.evaluate.source_report import SourceReport
from models.evaluate.voc import VocScore
from models.thundernet.config import ThunderNetConfig
from models.thundernet.input_shape import InputShape
from models.visualize.published_accuracy import COCO, VOC, Place, PublishedDetector
from stages.kernels.drawing.palette import class_colour
from stages.model.model_file import ModelFileError, read_model_metadata

Panel = Literal["coco", "voc", "sources"]
TITLES: dict[Panel, str] = {
    "coco": "COCO: AP",
    "voc": "VOC 2007 test: mAP",
    "sources": "own set: AP50, mean over sources",
}
PLOTTED: dict[type[msgspec.Struct], tuple[Panel, str]] = {  # the figure of each kind of scores
    CocoScore: ("coco", "ap"),
    VocScore: ("voc", "map_11_points"),
    SourceReport: ("sources", "ap50"),
}
ROWS: dict[Panel, tuple[str, ...]] = {  # configs/paper: ThunderNet as the paper prints it
    "coco": ("table3-snet49", "table3-snet146", "table3-snet535"),
    "voc": ("table2-snet49", "table2-snet146", "table2-snet535"),
    "sources": (),
}
OTHERS: dict[Panel, tuple[PublishedDetector, ...]] = {"coco": COCO, "voc": VOC, "sources": ()}
MFLOPS_LIMITS, MFLOPS_TICKS = (120, 9000), (250, 500, 1000, 2000, 4000)
OFFSETS: dict[Place, tuple[int, int, str, str]] = {  # points, and which side of the text is there
    "left": (-7, 0, "right", "center"),
    "right": (7, 0, "left", "center"),
    "above": (0, 7, "center", "bottom"),
    "below": (0, -7, "center", "top"),
    "above left": (-6, 4, "right", "bottom"),
    "above right": (6, 4, "left", "bottom"),
    "below right": (6, -4, "left", "top"),
}
SIDES: tuple[Place, ...] = ("above right", "below right")  # of our stars: neighbours do not collide
GREY = "0.45"


class ScoredModel(NamedTuple):
    """A model file of this project with its operations and its score."""

    name: str
    panel: Panel
    mflops: float
    ap: float


def list_scored(folder: Path, report: DataReport) -> list[Path]:
    """The model files of a folder that have scores; the others are named in `report`.

    8-bit versions are left out: they have the operations, and nearly the score, of their source.
    """
    paths = sorted(path for path in folder.glob("*.onnx") if not path.stem.endswith("-int8"))
    for path in paths:
        if not path.with_suffix(".json").exists():
            report.add("model file without scores beside it", path.name)
    return [path for path in paths if path.with_suffix(".json").exists()]


def read_scored_model(path: Path) -> ScoredModel:
    """The model file with its score.

    Raises:
        DataError: no scores beside it, or a JSON that is none.
        ModelFileError: the file does not describe the network that it holds.
    """
    panel, ap = read_score(path.with_suffix(".json"))
    width, height = read_model_metadata(path).input_wh
    complexity = measure_detector(deployed_config(path), InputShape(height, width))
    return ScoredModel(path.stem, panel, complexity.mflops, ap)


def read_score(path: Path) -> tuple[Panel, float]:
    """Which data set the scores are of, and the one figure that is plotted."""
    try:
        score = read_scores(path)
    except OSError as error:
        raise DataError(f"{path}: expected scores beside the model file: {error}") from error
    panel, field = PLOTTED[type(score)]
    return panel, getattr(score, field)


def deployed_config(path: Path) -> ThunderNetConfig:
    """The network in a model file, with the RoIs that it was exported with."""
    card = read_model_metadata(path)
    try:
        config = msgspec.convert(card.recipe.get("model"), ThunderNetConfig)
        rois = card.max_rois
        return msgspec.structs.replace(
            config,
            post_nms_top_n=rois,
            pre_nms_top_n=max(rois, config.pre_nms_top_n),
        )
    except msgspec.ValidationError as error:
        raise ModelFileError(f"model file {str(path)!r}: recipe.model: {error}") from error


def read_paper(panel: Panel) -> list[tuple[float, float]]:
    """ThunderNet's operations and accuracy as printed, small to large."""
    printed = [load_row(CONFIGS / f"{row}.yaml").printed for row in ROWS[panel]]
    return [(row.mflops, row.ap) for row in printed if row.ap is not None]


def draw_accuracy(models: Sequence[ScoredModel]) -> Figure:
    """A panel for each data set; the third only where a model of ours was evaluated by it."""
    panels: list[Panel] = ["coco", "voc"]
    if any(model.panel == "sources" for model in models):
        panels.append("sources")
    figure = Figure((4.4 * len(panels), 4.4), layout="constrained")
    grid = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, panel in zip(grid, panels, strict=True):
        draw_panel(axes, panel, [model for model in models if model.panel == panel])
    found = [axes.get_legend_handles_labels() for axes in grid]
    handles = {name: handle for pair in found for handle, name in zip(*pair, strict=True)}
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=len(handles))
    return figure


def draw_panel(axes: Axes, panel: Panel, models: Sequence[ScoredModel]) -> None:
    for other in OTHERS[panel]:
        point = other.mflops, other.ap
        axes.plot(
            *point, "o", color=GREY, markersize=5, label="other detectors, as the paper has them"
        )
        annotate(axes, other.name, point, other.place, GREY)
    draw_paper(axes, panel)
    for number, model in enumerate(models):
        colour = tuple(part / 255 for part in reversed(class_colour(number)))
        point = model.mflops, model.ap
        style: dict[str, Any] = {"color": colour, "markersize": 14, "markeredgecolor": "black"}
        axes.plot(*point, "*", **style, label="our model files")
        place = SIDES[number % len(SIDES)]
        annotate(axes, f"{model.name}\n{model.ap:.1f}", point, place, "black")
    axes.set(xscale="log", title=TITLES[panel], xlabel="MFLOPs", xlim=MFLOPS_LIMITS)
    axes.xaxis.set_major_locator(FixedLocator(MFLOPS_TICKS))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:.0f}"))
    axes.margins(y=0.12)
    axes.grid(alpha=0.3)
    if panel == "sources":
        axes.set_ylim(0, 100)


def draw_paper(axes: Axes, panel: Panel) -> None:
    points = read_paper(panel)
    if points:
        axes.plot(
            *zip(*points, strict=True), "-s", color="black", label="ThunderNet, as the paper has it"
        )
    for point, row in zip(points, ROWS[panel], strict=True):
        name = row.split("-")[1].replace("snet", "SNet")
        annotate(axes, name, point, "above left", "black")


def annotate(axes: Axes, text: str, point: tuple[float, float], place: Place, colour: str) -> None:
    dx, dy, horizontal, vertical = OFFSETS[place]
    axes.annotate(
        text,
        point,
        (dx, dy),
        textcoords="offset points",
        ha=horizontal,
        va=vertical,
        fontsize="small",
        color=colour,
    )
