#!/usr/bin/env bash
# PyYAML's two parsers do not accept the same YAML: a query in a flow mapping is refused by one.
#
# Guess:   SafeLoader (Python) and CSafeLoader (libyaml) of one PyYAML give the same data for every
#          text, and refuse the same texts; the second one is only faster.
# Seen:    `{uri: http://cam/video?fps=5, name: gate}` is data for CSafeLoader. SafeLoader refuses
#          it: a plain text ends at `?` in a flow mapping there. YAML 1.1 and 1.2 allow a `?` inside
#          of a plain text (ns-plain-char), and SafeLoader takes the same line in block style.
# Version: PyYAML 6.0.4 with libyaml 0.2.6, Python 3.11, Linux x86-64, 2026-11-30
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check pyyaml==6.0.4

found=$("$folder/venv/bin/python" - <<'PYTHON'
import yaml

for text in ("{uri: http://cam/video?fps=5, name: gate}", "uri: http://cam/video?fps=5\nname: gate"):
    for loader in (yaml.SafeLoader, yaml.CSafeLoader):
        try:
            said = yaml.load(text, loader)["uri"]
        except yaml.YAMLError as error:
            said = error.problem
        print(f"{loader.__name__}: {said}")
PYTHON
)
echo "$found"
expected="SafeLoader: expected ',' or '}', but got '?'
CSafeLoader: http://cam/video?fps=5
SafeLoader: http://cam/video?fps=5
CSafeLoader: http://cam/video?fps=5"
[ "$found" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
