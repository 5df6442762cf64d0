"""One set of weights: the model file that it would ship as, and what that file reaches.

Whatever is made or measured lies in the candidate's folder, and is not made again.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from models.calibrate.calibration import fit
from models.calibrate.command import calibrated
from models.calibrate.evidence import SeenSet, gather_evidence
from models.checkpoint import read_checkpoint, save_checkpoint
from models.data.image_files import find_images
from models.data.report import DataReport
from models.errors import ConfigError
from models.evaluate.chance import SourceMatches, match_images
from models.evaluate.clip import ClipCounts, count_frames
from models.evaluate.evaluation_set import EvaluationSet
from models.evaluate.film import check_film
from models.evaluate.halves import Half
from models.evaluate.light import Light
from models.evaluate.results import MAX_DETECTIONS, SCORE_THRESH, Result, find_results
from models.evaluate.source_report import SourceReport, report_by_source
from models.export.deployed import DEPLOYED, Deployed, export_deployed
from models.thundernet.input_shape import InputShape
from models.whole_file import write_whole
from stages.model.detector import Detector
from stages.model.frame_detector import FrameDetector, make_soft_nms

Known = TypeVar("Known", bound=msgspec.Struct)

ORIGIN = "origin.json"  # what the folder was made of, written first
UNCALIBRATED, WEIGHTS, MODEL = "uncalibrated.onnx", "weights.pt", "model.onnx"


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """What decides all that a candidate's folder holds, films aside."""

    checkpoint_sha256: str
    input_wh: tuple[int, int] | None  # None: the checkpoint's
    data: dict[str, str]  # identity of each set, the choosing half of which calibrates
    deployed: Deployed = DEPLOYED


class Found(msgspec.Struct, frozen=True):
    """What a model file finds in a part, and what was wrong with the part's images."""

    image_ids: list[int]  # of those that could be read
    results: list[Result]
    problems: list[str]


class Measured(NamedTuple):
    """What a model file reaches on a part."""

    scores: SourceReport
    matches: list[SourceMatches]
    problems: list[str]


class Part(msgspec.Struct, frozen=True):
    """Images that all candidates are evaluated on."""

    dataset: EvaluationSet
    half: Half

    @property
    def light(self) -> Light | None:
        return self.dataset.light

    @property
    def name(self) -> str:
        return "-".join([self.dataset.name, self.half, *([self.light] if self.light else [])])


class Clip(msgspec.Struct, frozen=True):
    """A film that all candidates are shown."""

    path: Path
    digest: str

    @property
    def name(self) -> str:
        return f"clip-{self.path.stem}-{self.digest[:12]}"


class Candidate:
    """One set of weights, and what is known of it, in its folder."""

    def __init__(self, name: str, checkpoint: Path, folder: Path, shape: InputShape | None) -> None:
        self.name = name
        self.checkpoint = checkpoint
        self.folder = folder
        self.shape = shape

    def claim(self, data: dict[str, str]) -> None:
        """Makes the folder the candidate's, with sets of these identities.

        Raises:
            CheckpointError: there is no candidate.
            ConfigError: the folder holds another one.
        """
        read_checkpoint(self.checkpoint)
        origin = Origin(
            checkpoint_sha256=sha256(self.checkpoint),
            input_wh=self.shape.wh if self.shape else None,
            data=data,
        )
        path = self.folder / ORIGIN
        if not path.exists():
            write_json(path, origin)
        elif (found := read_json(path, Origin)) != origin:
            raise ConfigError(
                f"{self.folder}: expected what was made of {origin}, got {found}; remove it first"
            )

    def write_model(self, choosing: Sequence[EvaluationSet], report: DataReport) -> None:
        """Its calibrated weights, and the model file of these."""
        weights, model = self.folder / WEIGHTS, self.folder / MODEL
        if not weights.exists():
            draft = self.folder / UNCALIBRATED
            export_deployed(self.checkpoint, draft, shape=self.shape)
            detector = Detector(draft)
            calibration = fit(
                gather_evidence([SeenSet(dataset, detector, report) for dataset in choosing])
            )
            save_checkpoint(weights, calibrated(read_checkpoint(self.checkpoint), calibration))
        if not model.exists():
            export_deployed(weights, model, shape=self.shape)

    def measure(self, part: Part) -> Measured:
        """What its model file reaches on these images."""

        def looked() -> Found:
            report = DataReport()
            detector = Detector(self.folder / MODEL)
            soft_nms = make_soft_nms(detector.metadata, SCORE_THRESH, MAX_DETECTIONS)
            detect = FrameDetector(detector, soft_nms).detect
            read, results = find_results(detect, detector.metadata.labels, part.dataset, report)
            return Found([image.image_id for image in read.images], results, report.lines())

        found = once(self.folder / f"{part.name}-found.json", Found, looked)
        ids = set(found.image_ids)
        images = [image for image in part.dataset.images if image.image_id in ids]
        read = part.dataset._replace(images=images)

        def scored() -> SourceReport:
            scores = report_by_source(read, found.results)
            return msgspec.structs.replace(scores, half=part.half, light=part.light)

        scores = once(self.folder / f"{part.name}.json", SourceReport, scored)
        return Measured(scores, match_images(read, found.results), found.problems)

    def count(self, clip: Clip) -> ClipCounts:
        """In how many frames of a film it shows what."""

        def counted() -> ClipCounts:
            detector = Detector(self.folder / MODEL)
            detect = FrameDetector(detector, make_soft_nms(detector.metadata)).detect
            return count_frames(clip.path, detect, detector.metadata.labels)

        return once(self.folder / f"{clip.name}.json", ClipCounts, counted)


def identify(dataset: EvaluationSet, report: DataReport) -> str:
    """Changes when labels or images of the set do."""
    images = find_images(dataset, report).identity
    return hashlib.sha256(f"{sha256(dataset.path)}\n{images}".encode()).hexdigest()


def find_clip(path: Path) -> Clip:
    """Raises DataError where there is no film, or one without a frame."""
    check_film(path)
    return Clip(path, sha256(path))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def once(path: Path, kind: type[Known], measure: Callable[[], Known]) -> Known:
    """What the file says; measured and written first where there is none."""
    if not path.exists():
        write_json(path, measure())
    return read_json(path, kind)


def read_json(path: Path, kind: type[Known]) -> Known:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except msgspec.DecodeError as error:
        raise ConfigError(f"{path}: expected what this command wrote: {error}") from error


def write_json(path: Path, value: msgspec.Struct) -> None:
    write_whole(path, msgspec.json.format(msgspec.json.encode(value)))
