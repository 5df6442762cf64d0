import os
import re
from pathlib import Path

import pytest

from pipeline.memory.space import ShmSpaceError, check_space


def test_a_ring_that_cannot_fit_names_both_figures_and_the_cure(tmp_path: Path) -> None:
    stat = os.statvfs(tmp_path)
    present = stat.f_bavail * stat.f_frsize
    with pytest.raises(ShmSpaceError) as refused:
        check_space(tmp_path, present * 2)
    found = re.search(r"expected (\d+) bytes free, got (\d+); grow it with", str(refused.value))
    assert found
    assert int(found[1]) > present * 2 - 2**20
    assert "lower ring.slots" in str(refused.value)
