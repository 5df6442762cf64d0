"""What a classification recipe trains on and is evaluated on."""

import sys
from pathlib import Path
from typing import NamedTuple

from models.data.report import DataError, DataReport
from models.thundernet.distributed import own_share
from models.train.classification.batches import CropBatches
from models.train.classification.class_folders import LabelledFiles, list_classes, read_split
from models.train.classification.frames import open_frames
from models.train.classification.reader import CropReader
from models.train.classification.recipe import ClassificationRecipe
from models.train.classification.validation import CentreCrops


class ClassificationData(NamedTuple):
    batches: CropBatches
    val: CentreCrops

    def close(self) -> None:
        self.batches.reader.close()
        self.val.reader.close()


def load_classification_data(recipe: ClassificationRecipe) -> ClassificationData:
    """Training batches and validation crops; problems of the data are printed once."""
    report, share = DataReport(), own_share()
    folder = Path(recipe.data.folder)
    classes = list_classes(folder / "train")
    if len(classes) != recipe.model.num_classes:
        raise DataError(
            f"{folder / 'train'}: expected {recipe.model.num_classes} class folders, as "
            f"model.num_classes says, found {len(classes)}"
        )
    train, val = (read_split(folder / split, classes, report) for split in ("train", "val"))
    readers = [make_reader(files, recipe) for files in (train, val)]
    if share.rank == 0:
        for line in report.lines():
            print(f"data: {line}", file=sys.stderr)
    batches = CropBatches(readers[0], train.labels, recipe, share)
    return ClassificationData(batches, CentreCrops(readers[1], val.labels, recipe.data.centre))


def make_reader(files: LabelledFiles, recipe: ClassificationRecipe) -> CropReader:
    data = recipe.data
    split = files.folder.name
    name = f"{files.folder.parent.name}-{split}"
    frames = open_frames(files, name, data.cache, data.cache_size, data.workers)
    names = [f"{split}/{name}" for name in files.names]
    pinned = recipe.device.startswith("cuda")
    return CropReader(frames, names, recipe.model.input_size, data.workers, pinned)
