"""Teaches the shipped detector your own classes, on a CPU.

    python -m models.finetune --data my.json --images photos --out runs/mine
    python -m models.finetune --data yolo-folder --labels helmet,vest --out runs/mine

The data are a COCO file, or a folder of YOLO's kind (images/, labels/, data.yaml). One image of ten
is held out to judge by. All weights but those of the class layer begin as they are shipped; classes
of the same name keep theirs. The backbone is frozen in the first fifth of the run. At the end
`model.onnx` lies in the folder, for `run_pipeline.py --model`.

Ctrl-C stops the run; the same command goes on with it.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from models.arguments import parse_count
from models.checkpoint import CheckpointError, load_checkpoint
from models.command import EXIT_INTERRUPTED, check_out, make_parser, run_command
from models.data.report import DataError, DataReport
from models.errors import ConfigError
from models.export.deployed import export_deployed
from models.export.parity import ParityError
from models.finetune.own_data import TRAIN, VAL, choose_categories, prepare, read_own_images
from models.finetune.own_recipe import make_recipe
from models.train.command import prepare_process, train
from models.train.process_group import Agreement
from models.train.run import TrainingError
from stages.model.model_file import ModelFileError, read_model_metadata

WEIGHTS = Path(__file__).parents[1] / "zoo/thundernet-snet49-street11.pt"
IMAGES = 24_000
USER_ERRORS = (
    CheckpointError, ConfigError, DataError, ModelFileError, ParityError, TrainingError, OSError,
)  # fmt: skip


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = make_parser("finetune", __doc__)
    parser.add_argument("--data", type=Path, required=True, help="COCO JSON, or a YOLO folder")
    parser.add_argument("--images", type=Path, help="folder of the images of a COCO JSON")
    parser.add_argument("--labels", metavar="A,B", help="these classes of the data; default: all")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="a checkpoint to begin with")
    parser.add_argument(
        "--train-images", type=parse_count, default=IMAGES, metavar="N", help="in all"
    )
    parser.add_argument("--threads", type=parse_count, default=len(os.sched_getaffinity(0)))
    return parser.parse_args(arguments)


def write_model(out: Path) -> str:
    """model.onnx of the run's averaged weights."""
    path = out / "model.onnx"
    parity = export_deployed(out / "last.pt", path, f"{out.resolve().name}-finetuned")
    return f"{path}: {', '.join(read_model_metadata(path).labels)}; {parity}"


def check_run(out: Path, labels: tuple[str, ...]) -> None:
    """Raises ConfigError where `out` holds a run with other classes; nothing is written."""
    last = out / "last.pt"
    if not last.exists():
        return
    known = tuple(load_checkpoint(last)[0].config.labels)
    if known != labels:
        raise ConfigError(
            f"--out {out}: expected the classes of its run, {', '.join(known)}, "
            f"got {', '.join(labels)}"
        )


def run(options: argparse.Namespace) -> bool:
    """Whether the run reached its end."""
    for name in (TRAIN, VAL):
        check_out(options.out / name, options.data)
    report = DataReport()
    found = read_own_images(options.data, options.images, report)
    labels = [name.strip() for name in options.labels.split(",")] if options.labels else None
    for line in report.lines():
        print(f"data: {line}")
    check_run(options.out, tuple(choose_categories(found, labels).values()))
    data = prepare(found, labels, options.out)
    print(f"{data.images} images to train on, {data.boxes} boxes of {', '.join(data.labels)}")
    if not data.val_boxes:
        print("none of the images held out has a box: what is judged by them means nothing")
    recipe = make_recipe(data, options.weights, options.out, options.train_images, options.threads)
    last = options.out / "last.pt"
    prepare_process()
    if not train(recipe, options.out, last if last.exists() else None, Agreement()):
        print("stopped; the same command goes on")
        return False
    print(write_model(options.out))
    print(f"by the images held out: {options.out / 'val.csv'}")
    return True


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    finished = []
    code = run_command("finetune", lambda: finished.append(run(options)), USER_ERRORS)
    return EXIT_INTERRUPTED if finished == [False] else code
