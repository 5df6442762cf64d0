import pytest

from stages.scene.options import SceneError, StreetOptions, parse_scene_uri


def test_bare_address_gives_the_defaults() -> None:
    assert parse_scene_uri("scene://street") == StreetOptions()


def test_address_sets_the_named_options_only() -> None:
    options = parse_scene_uri("scene://street?seed=7&width=640&fps=12.5&people=6&light=off")
    assert options == StreetOptions(seed=7, width=640, fps=12.5, people=6, light=False)


def test_auto_leaves_the_count_to_the_seed() -> None:
    assert parse_scene_uri("scene://street?cars=auto").cars is None


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("file://street", "scene address 'file://street': expected it to start with 'scene://'"),
        (
            "scene://forest?seed=1",
            "scene address 'scene://forest?seed=1': expected the world 'street', got 'forest'",
        ),
        (
            "scene://street/x",
            "scene address 'scene://street/x': expected the world 'street', got 'street/x'",
        ),
        ("scene://street?peple=3", "unknown scene option 'peple': did you mean 'people'?"),
        ("scene://street?people=-1", "scene option 'people': expected 0 to 24, got -1"),
        ("scene://street?width=80", "scene option 'width': expected 160 to 3840, got 80"),
        ("scene://street?fps=0", "scene option 'fps': expected 1 to 240, got 0"),
        ("scene://street?traffic=0", "scene option 'traffic': expected 0.001 to 1, got 0"),
        ("scene://street?fps=nan", "scene option 'fps': expected 1 to 240, got nan"),
        (
            "scene://street?cows=two",
            "scene option 'cows': expected a whole number or 'auto', got 'two'",
        ),
        ("scene://street?fps=", "scene option 'fps': expected a number, got ''"),
        ("scene://street?light=dim", "scene option 'light': expected 'on' or 'off', got 'dim'"),
        (
            "scene://street?seed=1&seed=2",
            "scene option 'seed' is given twice in 'scene://street?seed=1&seed=2'",
        ),
    ],
)
def test_refused_address_says_what_was_expected(uri: str, message: str) -> None:
    with pytest.raises(SceneError) as refusal:
        parse_scene_uri(uri)
    assert str(refusal.value) == message


def test_unknown_option_without_a_near_name_lists_them_all() -> None:
    with pytest.raises(SceneError, match="unknown scene option 'qqq': expected one of seed, width"):
        parse_scene_uri("scene://street?qqq=1")


def test_options_made_in_code_are_checked_too() -> None:
    with pytest.raises(SceneError, match="scene option 'height': expected 120 to 2160, got 9"):
        StreetOptions(height=9)
