import pytest

from models.visualize.contact_sheet import (
    IMAGE_PX,
)
from models.visualize.detections import IGNORED_COLOUR, draw_labelled
from models.visualize.labelled_image import (
    LabelledObject,
)
from stages.kernels.drawing.palette import class_colour
from tests.models.visualize.frames import plain

pytestmark = pytest.mark.torch

CAR = LabelledObject("car", (100.0, 100.0, 300.0, 250.0), ignored=False)


def test_labelled_objects_are_drawn_where_they_are() -> None:
    frame = plain(400, IMAGE_PX)
    ignored = CAR._replace(xyxy=(20.0, 150.0, 60.0, 200.0), ignored=True)
    image = draw_labelled(frame, [ignored, CAR], ("person", "car"))
    assert tuple(image[250, 200]) == class_colour(1)
    assert tuple(image[200, 40]) == IGNORED_COLOUR
    assert tuple(image[280, 350]) == (50, 50, 50)


def test_a_class_that_the_model_lacks_has_a_colour_of_its_own() -> None:
    tram = CAR._replace(label="tram")
    image = draw_labelled(plain(400, IMAGE_PX), [tram], ("person", "car"))
    assert tuple(image[250, 200]) == class_colour(2)
