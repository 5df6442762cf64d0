"""What a return code means."""

import pytest

from pipeline.processes.forked_process import describe_exit


@pytest.mark.parametrize(
    ("code", "words"),
    [(0, "exited with 0"), (2, "exited with 2"), (-9, "was killed by SIGKILL"),
     (-11, "was killed by SIGSEGV")],
)  # fmt: skip
def test_exits_are_described_in_words(code: int, words: str) -> None:
    assert describe_exit(code) == words
