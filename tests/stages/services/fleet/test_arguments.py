"""What people write at the commands of a fleet: a mistake is one line, before anything is done."""

import pytest

from stages.services.fleet import export, push, streams


@pytest.mark.parametrize(
    ("command", "arguments", "told"),
    [
        (streams.main, ["leaf", "ha ll"], "argument sites: expected a name"),
        (streams.main, ["hub", "hall", "ya.rd"], "got 'ya.rd'"),
        (streams.main, ["alone", "--gb", "nan"], "--gb: expected a number above 0"),
        (streams.main, ["alone", "--days", "-3"], "--days: expected a number above 0"),
        (streams.main, ["alone", "--days", "many"], "got many"),
        (push.main, ["ha.ll", "zones.yaml"], "argument site: expected a name"),
        (push.main, ["hall", "zones.yaml", "--board", "_site"], "argument --board: expected"),
        (push.main, ["hall", "zones.yaml", "--board", "*"], "got '*'"),
        (export.main, ["--parquet", "x", "--site", ">"], "argument --site: expected a name"),
    ],
)
def test_a_mistake_is_one_line(command, arguments, told, capsys):  # type: ignore[no-untyped-def]
    with pytest.raises(SystemExit) as ended:
        command(arguments)
    assert ended.value.code == 2
    assert told in capsys.readouterr().err
