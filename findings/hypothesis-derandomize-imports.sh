#!/usr/bin/env bash
# Hypothesis: with derandomize=True, the examples still depend on which modules were imported.
#
# Guess:   A test with derandomize=True gets the same examples in every run until Hypothesis, Python
#          or the test changes, as its documentation says.
# Seen:    Hypothesis also draws numbers and texts from the code of all modules of the project that
#          were imported so far. So a test that is run alone, or after other tests, or in another
#          process of pytest-xdist, gets other examples.
#          The examples are the same again when the same modules were imported.
# Version: hypothesis 6.170.17, Python 3.11, Linux x86-64, 2026-11-30
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check hypothesis==6.170.17

echo 'NUMBERS = [918_273_645, 5_544_443_321, 7_771_117_771]' > "$folder/numbers_of_ours.py"
cat > "$folder/same_again.py" <<'PYTHON'
import hashlib
import importlib
import sys

from hypothesis import given, settings
from hypothesis import strategies as st

for module in sys.argv[1:]:
    importlib.import_module(module)
drawn = []


@settings(derandomize=True, max_examples=1000)
@given(st.integers())
def draw(number):
    drawn.append(number)


draw()
print(hashlib.sha256(str(drawn).encode()).hexdigest())
PYTHON

look() { (cd "$folder" && venv/bin/python same_again.py "$@"); }
alone=$(look) alone_again=$(look)
after=$(look numbers_of_ours) after_again=$(look numbers_of_ours)
echo "twice alone, the same: $([ "$alone" = "$alone_again" ] && echo yes || echo no)"
echo "twice after an import, the same: $([ "$after" = "$after_again" ] && echo yes || echo no)"
echo "alone and after an import, the same: $([ "$alone" = "$after" ] && echo yes || echo no)"
[ "$alone" = "$alone_again" ] && [ "$after" = "$after_again" ] && [ "$alone" != "$after" ] ||
    { echo "this has changed" >&2; exit 1; }
