#!/usr/bin/env bash
# supervision's PolygonZone is cut at the left and the upper edge of the picture, not at the others.
#
# Guess:   An anchor is in the zone when it is in the polygon, as shapely says, but for points within
#          a pixel of its edge; also beyond the edges of the picture, where a zone is drawn out so
#          that it has those whose feet the picture cuts off.
# Seen:    So it is inside the picture, and beyond its right and lower edges. Whoever is beyond its
#          left or upper edge is in no zone, however far the polygon goes out there: of thousands of
#          anchors in 60 px of polygon none. So who leaves to the right is in the zone to its
#          end, and who leaves to the left is out of it when the anchor is below zero. Boxes that
#          a tracker predicts, and those of a detector that does not clip them, go beyond edges.
# Version: supervision 0.31.2, shapely 2.2.0, numpy 2.4.6, Python 3.11, Linux x86-64, 2026-12-01
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    supervision==0.31.2 shapely==2.2.0 numpy==2.4.6

found=$("$folder/venv/bin/python" -W ignore - 2>/dev/null <<'PYTHON'
import numpy as np
import shapely
import supervision as sv

WIDTH, HEIGHT, OUT, COUNT = 640, 480, 80, 20_000
x, y = np.random.default_rng(0).uniform((-OUT, -OUT), (WIDTH + OUT, HEIGHT + OUT), (COUNT, 2)).T
boxes = np.stack([x - 10, y - 40, x + 10, y], axis=1)
people = sv.Detections(xyxy=boxes, class_id=np.zeros(COUNT, int))
places = {
    "inside": (x > 1) & (x < WIDTH - 1) & (y > 1) & (y < HEIGHT - 1),
    "left": x < -1,
    "above": y < -1,
    "right": (x > WIDTH + 1) & (y > 1),
    "below": (y > HEIGHT + 1) & (x > 1),
}
corners = [(-60, -60), (WIDTH + 60, -60), (WIDTH + 60, HEIGHT + 60), (-60, HEIGHT + 60)]
for title, polygon in (
    ("in the picture", np.array([(100, 100), (500, 100), (500, 400), (300, 200), (100, 400)])),
    ("drawn out by 60 px", np.array(corners)),
):
    outline = shapely.Polygon(polygon)
    sure = shapely.distance(shapely.points(x, y), outline.exterior) > 1
    expected = shapely.contains_xy(outline, x, y)
    zone = sv.PolygonZone(polygon, triggering_anchors=[sv.Position.BOTTOM_CENTER])
    got = np.array(zone.trigger(people))
    for place, there in places.items():
        there = there & sure
        print(f"{title}, {place}: in the polygon {expected[there].sum()}, in the zone "
              f"{got[there].sum()}, the same {(got == expected)[there].all()}")
PYTHON
)
echo "$found"
expected="\
in the picture, inside: in the polygon 3061, in the zone 3061, the same True
in the picture, left: in the polygon 0, in the zone 0, the same True
in the picture, above: in the polygon 0, in the zone 0, the same True
in the picture, right: in the polygon 0, in the zone 0, the same True
in the picture, below: in the polygon 0, in the zone 0, the same True
drawn out by 60 px, inside: in the polygon 11960, in the zone 11960, the same True
drawn out by 60 px, left: in the polygon 1376, in the zone 0, the same False
drawn out by 60 px, above: in the polygon 1744, in the zone 0, the same False
drawn out by 60 px, right: in the polygon 1188, in the zone 1188, the same True
drawn out by 60 px, below: in the polygon 1526, in the zone 1526, the same True"
[[ $found == "$expected" ]] || { echo "expected:"; echo "$expected"; exit 1; } >&2
