"""The files of the page: few bytes, nothing from elsewhere, colours that can be read."""

import gzip
import re
from html.parser import HTMLParser
from posixpath import dirname, join, normpath

import pytest

from stages.services.web.page import read_assets

MOST_BYTES, MOST_PACKED_BYTES = 150_000, 60_000
ASSETS = read_assets()
PAGE = ASSETS["index.html"].decode()


def test_the_page_is_light_and_whole() -> None:
    assert sum(map(len, ASSETS.values())) < MOST_BYTES
    assert sum(len(gzip.compress(each)) for each in ASSETS.values()) < MOST_PACKED_BYTES
    named = set(re.findall(r'(?:href|src)="/assets/([^"]+)"', PAGE))
    for name, content in ASSETS.items():
        if name.endswith(".js"):
            imported = re.findall(r'from "(\.[^"]+)"', content.decode())
            named |= {normpath(join(dirname(name), path)) for path in imported}
    assert named == ASSETS.keys() - {"index.html"}


def test_the_page_needs_nothing_from_elsewhere_and_nothing_that_its_policy_forbids() -> None:
    for name, content in ASSETS.items():
        text = content.decode().replace("http://www.w3.org/2000/svg", "")
        assert "//cdn" not in text
        assert "http://" not in text, name
        assert "https://" not in text, name
    assert not re.search(r"\son\w+=|\sstyle=|<style|<script(?![^>]* src=)", PAGE)


class Labels(HTMLParser):
    """What a screen reader has to say of buttons, fields and pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: set[str] = set()
        self.labelled: set[str] = set()
        self.pictures_without = 0
        self.languages: list[str | None] = []
        self.is_in_label = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("input", "select", "textarea") and not self.is_in_label:
            self.fields.add(given.get("id") or "")
        elif tag == "label":
            self.is_in_label = "for" not in given
            self.labelled.add(given.get("for") or "")
        elif tag == "img" and "alt" not in given:
            self.pictures_without += 1
        elif tag == "html":
            self.languages.append(given.get("lang"))

    def handle_endtag(self, tag: str) -> None:
        if tag == "label":
            self.is_in_label = False


def test_the_page_can_be_read_aloud() -> None:
    labels = Labels()
    labels.feed(PAGE)
    assert labels.fields == labels.labelled - {""}
    assert "token" in labels.fields
    assert labels.pictures_without == 0
    assert labels.languages == ["en"]


# Contrast ---------------------------------------------------------------------------------------

STYLE = ASSETS["style/base.css"].decode()
# What stands on what; WCAG 2.2 AA asks for 4.5 of texts, and for 3 of what has to be seen only.
TEXTS = [
    (ink, ground)
    for ground in ("ground", "card", "chip")
    for ink in ("ink", "soft", "accent", "good", "warn", "bad")
    if (ink, ground) != ("soft", "chip")
] + [("on-accent", "accent")]


def schemes() -> dict[str, dict[str, str]]:
    """Colours by name, light and dark."""
    blocks = re.findall(r":root \{([^}]+)\}", STYLE)
    light, dark = (dict(re.findall(r"--([\w-]+): (#\w{6})", block)) for block in blocks)
    assert light.keys() == dark.keys()
    return {"light": light, "dark": dark}


def luminance(colour: str) -> float:
    """As WCAG has it."""
    shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_can_be_read(scheme: str) -> None:
    colours = schemes()[scheme]
    poor = [
        (ink, ground, round(contrast(colours[ink], colours[ground]), 2))
        for ink, ground in TEXTS
        if contrast(colours[ink], colours[ground]) < 4.5
    ]
    assert poor == []
