"""Which version of ThunderLine this is."""

from importlib.metadata import PackageNotFoundError, version


def line_version() -> str:
    """That of the installed package."""
    try:
        return version("thunderline")
    except PackageNotFoundError:  # run from a folder that was never installed
        return "0"
