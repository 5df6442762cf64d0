from pathlib import Path

import pytest

from models.data.report import DataError, DataReport
from models.evaluate.evaluation_set import read_evaluation_set, read_frames, take_images
from tests.models.tiny_set import encoded, make_content, make_set, write_set

pytestmark = pytest.mark.torch


def test_a_cut_shard_yields_what_it_holds(tmp_path: Path) -> None:
    path = write_set(tmp_path, make_content([]), {"1.png": encoded(), "2.png": encoded()})
    shard = tmp_path / "val-00.tar"
    shard.write_bytes(shard.read_bytes()[:1300])
    report = DataReport()
    frames = list(read_frames(read_evaluation_set(path, DataReport()), report))
    assert [image.file_name for image, _ in frames] == ["1.png"]
    assert set(report.problems) >= {"missing image"}


def test_a_set_without_shards_is_refused(tmp_path: Path) -> None:
    path = write_set(tmp_path, make_content([]), {})
    (tmp_path / "val-00.tar").unlink()
    with pytest.raises(DataError, match=r"expected shards val-NN\.tar beside it"):
        list(read_frames(read_evaluation_set(path, DataReport()), DataReport()))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "expected a COCO data set: .*No such file"),
        ("{", "expected a COCO data set: Input data was truncated"),
        ("[]", "expected a COCO data set: Expected `object`"),
        ('{"categories": []}', "missing required field `images`"),
        (
            '{"categories": [], "images": [{"id": 1}], "annotations": []}',
            r"missing required field `file_name` - at `\$\.images\[0\]`",
        ),
    ],
)
def test_what_is_no_data_set(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "val.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_evaluation_set(path, DataReport())


def test_a_limit_keeps_images_evenly_spaced(tmp_path: Path) -> None:
    dataset = make_set(tmp_path, [])
    many = dataset._replace(images=[dataset.images[0]._replace(image_id=i) for i in range(100)])
    assert [image.image_id for image in take_images(many, 4).images] == [0, 25, 50, 75]
    assert len(take_images(many, 1000).images) == 100


def test_an_image_that_shards_hold_twice_is_read_once(tmp_path: Path) -> None:
    files = {"1.png": encoded(value=10), "2.png": encoded()}
    path = write_set(tmp_path, make_content([]), files)
    (tmp_path / "val-01.tar").write_bytes((tmp_path / "val-00.tar").read_bytes())
    report = DataReport()
    frames = list(read_frames(read_evaluation_set(path, DataReport()), report))
    assert [(image.image_id, frame.max()) for image, frame in frames] == [(1, 10), (2, 0)]
    assert report.problems == {}
