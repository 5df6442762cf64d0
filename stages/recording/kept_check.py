"""What the types of `record` cannot say: cameras, regions and labels that there are."""

from collections.abc import Iterable, Sequence

from pipeline.config_file import ConfigError, nearest
from stages.config import LineConfig


def check_kept(config: LineConfig, labels: Sequence[str]) -> None:
    """Refuse rules that would never keep anything.

    Args:
        labels: of the model.

    Raises:
        ConfigError: names the first mistake by its path.
    """
    record, cameras = config.record, config.camera_names
    regions = [name for source in config.sources for name in (*source.zones, *source.lines)]
    if record.continuous is not None:
        _check("record.continuous.cameras", "camera", record.continuous.cameras, cameras)
    if record.snapshots is not None:
        _check("record.snapshots.cameras", "camera", record.snapshots.cameras, cameras)
        _check("record.snapshots.labels", "label", record.snapshots.labels, labels)
    for name, rule in record.clips.items():
        path = f"record.clips.{name}"
        _check(f"{path}.cameras", "camera", rule.cameras, cameras)
        _check(f"{path}.regions", "zone or line", rule.regions, regions)
        _check(f"{path}.labels", "label", rule.labels, labels)


def _check(path: str, what: str, wanted: Iterable[str], known: Sequence[str]) -> None:
    for name in wanted:
        if name not in known:
            raise ConfigError(f"{path}: unknown {what} '{name[:70]}'{nearest(name, known)}")
