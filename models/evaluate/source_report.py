"""All that `models.evaluate --data` reports: average precision by source, and what is shown."""

from models.evaluate.average_precision import Score, find_deviations, score_detections
from models.evaluate.evaluation_set import EvaluationSet
from models.evaluate.halves import Half
from models.evaluate.light import Light
from models.evaluate.results import Result
from models.evaluate.shown import Shown, find_shown_deviations, format_shown, measure_shown


class SourceReport(Score, frozen=True):
    half: Half | None = None  # of the images; None: all of them
    shown: Shown | None = None  # None in files that were written before it was measured
    shape: str | None = None  # such as 16:9, to which the images were cut; None: as they are
    light: Light | None = None  # in which they were shown; None: that of the photographs


def report_by_source(dataset: EvaluationSet, results: list[Result]) -> SourceReport:
    score = score_detections(dataset, results)
    return SourceReport(score.ap, score.ap50, score.sources, shown=measure_shown(dataset, results))


def format_report(report: SourceReport) -> str:
    """One line per source, AP50 of its classes behind, the mean, and what is shown."""
    lines = []
    for name, source in report.sources.items():
        classes = " ".join(f"{label} {of.ap50:.0f}" for label, of in source.classes.items())
        means = f"AP50 {source.ap50:5.1f}  AP {source.ap:5.1f}"
        figures = means if source.classes else "no objects"
        lines.append(f"{name:<22} {figures}   {classes}".rstrip())
    lines.append(f"{'mean over sources':<22} AP50 {report.ap50:5.1f}  AP {report.ap:5.1f}")
    if report.shown is not None:
        lines.append(format_shown(report.shown))
    return "\n".join(lines)


def describe_images(half: Half | None, shape: str | None, light: Light | None) -> list[str]:
    """Which images, and what was done to them; nothing: all of them, as they are."""
    return [
        *([f"the {half} half"] if half else []),
        *([f"cut to {shape}"] if shape else []),
        *([f"in {light} light"] if light else []),
    ]


def images_of(report: SourceReport) -> str:
    images = describe_images(report.half, report.shape, report.light)
    return ", ".join(images if report.half else ["all", *images])


def find_report_deviations(report: SourceReport, published: SourceReport) -> list[str]:
    """What differs from the published figures by more than the tolerance, one line each."""
    if images_of(report) != images_of(published):
        return [f"images: expected {images_of(published)}, got {images_of(report)}"]
    lines = find_deviations(report, published)
    if report.shown is not None and published.shown is not None:
        lines += find_shown_deviations(report.shown, published.shown)
    return lines
