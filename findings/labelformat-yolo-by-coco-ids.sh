#!/usr/bin/env bash
# labelformat writes COCO's ids as YOLO's class numbers; supervision then reads the next class.
#
# Guess:   COCO labels with ids 1, 2 and 3, as annotation tools write them, go through labelformat
#          into a YOLO folder, and whoever reads it has the same boxes with the same class names, or
#          refuses: labelformat itself, hotcoco, supervision.
# Seen:    The label files have COCO's ids as class numbers, and data.yaml has nc: 3 with the names
#          1, 2 and 3, where YOLO counts from 0. labelformat's own reader ends with a bare KeyError
#          and hotcoco refuses. supervision takes the names as a list: it refuses a split that has
#          the last class, and where no picture shows that one, every person is a bicycle and every
#          bicycle a car, without a word. Ids 0, 1 and 2 come back right from all three.
# Version: labelformat 0.1.17, hotcoco 1.3.0, supervision 0.31.2, numpy 2.4.6, pillow 12.3.0,
#          opencv-python-headless 4.14.0.94, Python 3.11, Linux x86-64, 2026-12-02
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    labelformat==0.1.17 hotcoco==1.3.0 supervision==0.31.2 numpy==2.4.6 pillow==12.3.0 \
    opencv-python-headless==4.14.0.94

found=$(cd "$folder" && venv/bin/python - <<'PYTHON'
import json
import shutil
import warnings
from pathlib import Path

warnings.simplefilter("ignore")

import hotcoco
import supervision
from labelformat.formats import (
    COCOObjectDetectionInput,
    YOLOv8ObjectDetectionInput,
    YOLOv8ObjectDetectionOutput,
)
from PIL import Image

NAMES, WIDTH, HEIGHT = ("person", "bicycle", "car"), 320, 200


def write_coco(path, ids, shown):
    """One picture with a box of each of the first `shown` classes, from left to right."""
    boxes = [{"id": n + 1, "image_id": 1, "category_id": ids[n], "iscrowd": 0, "area": 1500,
              "bbox": [10 + 40 * n, 20, 30, 50]} for n in range(shown)]
    path.write_text(json.dumps({
        "images": [{"id": 1, "file_name": "street.jpg", "width": WIDTH, "height": HEIGHT}],
        "categories": [{"id": i, "name": name} for i, name in zip(ids, NAMES)],
        "annotations": boxes}))


def by_labelformat(yolo):
    labels = YOLOv8ObjectDetectionInput(yolo / "data.yaml", "train").get_labels()
    return [(one.box.xmin, one.category.name) for image in labels for one in image.objects]


def by_hotcoco(yolo):
    flat = shutil.copytree(yolo / "labels", yolo.with_suffix(".flat"))
    shutil.copy(yolo / "data.yaml", flat)
    read = hotcoco.COCO.from_yolo(str(flat), images_dir=str(yolo / "images")).dataset
    names = {one["id"]: one["name"] for one in read["categories"]}
    return [(one["bbox"][0], names[one["category_id"]]) for one in read["annotations"]]


def by_supervision(yolo):
    read = supervision.DetectionDataset.from_yolo(
        str(yolo / "images"), str(yolo / "labels"), str(yolo / "data.yaml"))
    return [(box[0], read.classes[number]) for _, _, found in read
            for box, number in zip(found.xyxy, found.class_id)]


def tell(read, yolo):
    try:
        found = sorted(read(yolo))
    except Exception as error:
        return f"raised {type(error).__name__}"
    return ", ".join(f"{name} at {float(x):.0f}" for x, name in found)


for ids, shown in (((0, 1, 2), 3), ((1, 2, 3), 3), ((1, 2, 3), 2)):
    case = Path(f"{ids[0]}-{shown}")
    yolo = case / "yolo"
    (yolo / "images").mkdir(parents=True)
    Image.new("RGB", (WIDTH, HEIGHT)).save(yolo / "images" / "street.jpg")
    write_coco(case / "coco.json", ids, shown)
    YOLOv8ObjectDetectionOutput(yolo / "data.yaml", "train").save(
        COCOObjectDetectionInput(case / "coco.json"))
    wanted = ", ".join(f"{name} at {10 + 40 * n}" for n, name in enumerate(NAMES[:shown]))
    print(f"ids {ids}, {wanted}:")
    for read in (by_labelformat, by_hotcoco, by_supervision):
        print(f"  {read.__name__.removeprefix('by_')}: {tell(read, yolo)}")
PYTHON
)
echo "$found"
expected="\
ids (0, 1, 2), person at 10, bicycle at 50, car at 90:
  labelformat: person at 10, bicycle at 50, car at 90
  hotcoco: person at 10, bicycle at 50, car at 90
  supervision: person at 10, bicycle at 50, car at 90
ids (1, 2, 3), person at 10, bicycle at 50, car at 90:
  labelformat: raised KeyError
  hotcoco: raised ValueError
  supervision: raised ValueError
ids (1, 2, 3), person at 10, bicycle at 50:
  labelformat: raised KeyError
  hotcoco: raised ValueError
  supervision: bicycle at 10, car at 50"
[[ $found == "$expected" ]] || { echo "expected:"; echo "$expected"; exit 1; } >&2
