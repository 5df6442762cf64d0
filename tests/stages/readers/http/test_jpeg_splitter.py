import cv2
import pytest

from stages.readers.http.jpeg_splitter import JpegPart, JpegSplitter
from tests.clips import draw

COUNT = 5
BOUNDARY = b"\r\n--frame\r\n"
# Of a thumbnail, or of a text that looks like the end of a part.
COMMENT = b"\xff\xd8\xff\xd9" + BOUNDARY + b"Content-Type: image/jpeg\r\n\r\n"


def encode(index: int, *flags: int) -> bytes:
    done, jpeg = cv2.imencode(".jpg", draw(index, (64, 48)), list(flags))
    assert done
    return jpeg.tobytes()


def with_comment(picture: bytes) -> bytes:
    return b"\xff\xd8\xff\xfe" + (len(COMMENT) + 2).to_bytes(2) + COMMENT + picture[2:]


PICTURES = [encode(index) for index in range(COUNT)]


def split(data: bytes, step: int) -> list[JpegPart]:
    splitter = JpegSplitter()
    return [part for at in range(0, len(data), step) for part in splitter.add(data[at : at + step])]


def part_of(picture: bytes, head: bytes) -> bytes:
    return b"--frame\r\n" + head + b"\r\n\r\n" + picture + b"\r\n"


@pytest.mark.parametrize("step", [1, 7, 1000, 1 << 20])
@pytest.mark.parametrize(
    "frame",
    [
        lambda picture: picture,
        lambda picture: picture + bytes(37),
        lambda picture: part_of(picture, b"Content-Type: image/jpeg"),
        lambda picture: part_of(picture, b"content-type:image/jpg").replace(b"\r\n", b"\n"),
        lambda picture: part_of(picture, b"Content-Length: %d" % (len(picture) - 100)),
        lambda picture: part_of(picture, b"Content-Length: -1"),
        lambda picture: b"frame\r\n\r\n" + picture,
        lambda picture: part_of(b"<alarm/>", b"Content-Type: text/xml") + part_of(picture, b""),
    ],
    ids=["bare", "padded", "usual", "lines", "short", "negative", "no dashes", "with texts"],
)
def test_pictures_come_whole_whatever_is_between_them(frame, step: int) -> None:  # type: ignore[no-untyped-def]
    data = b"".join(frame(picture) for picture in PICTURES)
    assert split(data, step) == [JpegPart(picture) for picture in PICTURES]


@pytest.mark.parametrize("step", [1, 1 << 20])
@pytest.mark.parametrize(
    "flags",
    [(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1), (cv2.IMWRITE_JPEG_RST_INTERVAL, 2)],
    ids=["baseline", "progressive", "restarts"],
)
def test_what_lies_inside_a_picture_does_not_end_it(flags: tuple[int, ...], step: int) -> None:
    pictures = [with_comment(encode(index, *flags)) for index in range(COUNT)]
    assert split(BOUNDARY.join(pictures), step) == [JpegPart(picture) for picture in pictures]


def test_a_picture_comes_with_its_last_byte() -> None:
    splitter = JpegSplitter()
    assert list(splitter.add(PICTURES[0][:-1])) == []
    assert list(splitter.add(PICTURES[0][-1:])) == [JpegPart(PICTURES[0])]


@pytest.mark.parametrize("step", [1, 1 << 20])
def test_a_picture_without_its_end_is_damaged_and_the_next_is_whole(step: int) -> None:
    cut, whole = PICTURES[0][: len(PICTURES[0]) * 3 // 4], PICTURES[1]
    parts = split(
        part_of(cut, b"Content-Type: image/jpeg") + part_of(whole, b"Content-Type: image/jpeg"),
        step,
    )
    assert [part.damaged for part in parts] == [True, False]
    assert parts[0].data.startswith(cut)
    assert parts[1].data == whole


@pytest.mark.parametrize("step", [1, 1 << 20])
@pytest.mark.parametrize("content", [b"", bytes(900), b"busy"])
def test_what_was_announced_as_a_picture_and_is_none_is_lost(content: bytes, step: int) -> None:
    none = part_of(content, b"Content-Type: image/jpeg")
    whole = part_of(PICTURES[0], b"Content-Type: image/jpeg")
    parts = split(whole + none + none + whole, step)
    assert [part.damaged for part in parts] == [False, True, True, False]
    assert all(part.data for part in parts)


def test_a_text_without_end_hides_no_picture_after_it() -> None:
    parts = split(b"--frame\r\n" + b"X-Header: 1\r\n" * 100_000 + PICTURES[0], 1400)
    assert parts == [JpegPart(PICTURES[0])]
