import stat
from pathlib import Path

import pytest
import zmq

from pipeline.client import KeyFileError, read_public_key, read_secret_key
from pipeline.keys import KeysError, main, make_keys


def test_a_pair_is_made_that_belongs_together(tmp_path: Path) -> None:
    public_path, secret_path = make_keys("line", tmp_path / "a", tmp_path / "b")
    assert (public_path, secret_path) == (tmp_path / "a/line.key", tmp_path / "b/line.key_secret")
    public, secret = read_secret_key(secret_path)
    assert read_public_key(public_path) == read_public_key(secret_path) == public
    assert zmq.curve_public(secret) == public
    assert secret not in public_path.read_bytes()


def test_only_the_owner_may_read_a_secret_key(tmp_path: Path) -> None:
    public, secret = make_keys("line", tmp_path / "keys", tmp_path / "keys")
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    secret.chmod(0o640)
    with pytest.raises(KeyFileError, match=rf"got mode 0640; run: chmod 600 {secret}"):
        read_secret_key(secret)
    public.chmod(0o644)
    read_public_key(public)


def test_keys_are_never_replaced(tmp_path: Path) -> None:
    _, secret = make_keys("line", tmp_path, tmp_path)
    before = secret.read_bytes()
    with pytest.raises(KeysError, match=rf"{secret}: expected a file that does not exist yet"):
        make_keys("line", tmp_path, tmp_path)
    assert secret.read_bytes() == before


def test_no_half_of_a_pair_is_left(tmp_path: Path) -> None:
    public, secret = make_keys("line", tmp_path, tmp_path)
    before = public.read_bytes()
    secret.unlink()
    with pytest.raises(KeysError, match=rf"{public}: expected a file that does not exist yet"):
        make_keys("line", tmp_path, tmp_path)
    assert public.read_bytes() == before
    assert not secret.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"public-key",
        b'public-key = ""',
        b'    public-key = "too short"',
        b'    public-key = "' + b"~" * 40 + b'"',  # no digits of Z85
        b'public-key = "' + b"a" * 41 + b'"',
    ],
)
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.key"
    path.write_bytes(content)
    with pytest.raises(KeyFileError, match=rf"{path}: expected a public-key made by"):
        read_public_key(path)


def test_a_public_key_is_no_secret_one(tmp_path: Path) -> None:
    public, _ = make_keys("line", tmp_path, tmp_path)
    with pytest.raises(KeyFileError, match=rf"{public}: expected a secret-key made by"):
        read_secret_key(public)
    with pytest.raises(KeyFileError, match="a\0b: embedded null byte"):
        read_secret_key("a\0b")
    with pytest.raises(KeyFileError, match=r"none: No such file or directory"):
        read_public_key(tmp_path / "none")


def test_the_command_makes_keys_of_a_line_and_of_its_clients(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 0
    assert main([str(tmp_path), "--client", "office"]) == 0
    found = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.key*"))
    assert found == ["clients/office.key", "line.key", "line.key_secret", "office.key_secret"]
    assert f"secret: {tmp_path}/office.key_secret" in capsys.readouterr().out
    assert main([str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {tmp_path}/line.key_secret: expected a file that does not")
    assert error.count("\n") == 1


def test_the_command_refuses_a_name_that_is_a_path(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main([str(tmp_path), "--client", "../office"])
