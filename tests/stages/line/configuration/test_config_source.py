from pathlib import Path

import pytest

from pipeline import redact
from pipeline.config_file import ConfigError
from stages.config import MOST_SOURCES
from stages.line.configuration.config_source import ConfigSource


def test_of_more_sources_than_there_may_be_only_what_is_quoted_is_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redact, "_known", redact.KnownSecrets())
    monkeypatch.setattr(redact, "_learned", learned := set[str]())
    path = tmp_path / "many.yaml"
    path.write_text(
        "sources:\n"
        + "".join(f"  - uri: 'rtsp://admin:S3cr/et{i}@cam{i}/1'\n" for i in range(1000))
    )
    with pytest.raises(ConfigError, match="sources: Expected `array` of length <= 64") as refused:
        ConfigSource(path).read()
    said = redact.redact(str(refused.value))
    assert "S3cr" not in said
    assert "et0" not in said
    assert sum(text.startswith("rtsp:") for text in learned) == MOST_SOURCES
