#!/usr/bin/env bash
# To import OpenVINO for inference reports the import to Google Analytics.
#
# Guess:   Telemetry belongs to the model converter: `import openvino`, to run a graph, opens no
#          connection and writes no file.
# Seen:    The import wants www.google-analytics.com and has written ~/intel/openvino_ga_cid, an
#          identifier, and `stats`, without a question asked. CI=true leaves nothing of it, so a test on a build
#          server sees nothing. Where the package openvino_telemetry cannot be imported, OpenVINO
#          works the same and reports nothing.
# Version: openvino 2026.4.1, openvino-telemetry 2025.2.0, Python 3.11, Linux x86-64, 2026-11-29
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    openvino==2026.4.1 openvino-telemetry==2025.2.0

# Prints the hosts that are wanted and the names of files in the home. No name is ever looked up.
look() { # VARIABLE=VALUE... STATEMENTS
    local home statements=${*: -1}
    home=$(mktemp -d -p "$folder")
    env -i PATH="$PATH" HOME="$home" OPENBLAS_NUM_THREADS=1 "${@:1:$#-1}" \
        "$folder/venv/bin/python" - "$statements" "$home.hosts" <<'PYTHON'
import pathlib, socket, sys, time
hosts = pathlib.Path(sys.argv[2])
hosts.touch()
def refuse(host, *rest, **named):  # the sender is a fork of this process
    hosts.write_text(f"{host}")
    raise socket.gaierror("no look-ups here")
socket.getaddrinfo = refuse
exec(sys.argv[1])
time.sleep(3)
PYTHON
    echo "hosts [$(cat "$home.hosts")], files [$(find "$home" -type f -printf '%f\n' | sort | xargs)]"
}

expect() { # WHAT EXPECTED GOT
    echo "$1: $3"
    [[ $3 == "$2" ]] || { echo "expected: $2" >&2; exit 1; }
}

expect "import" "hosts [www.google-analytics.com], files [openvino_ga_cid stats]" \
    "$(look 'import openvino')"
expect "CI=true" "hosts [], files []" "$(look CI=true 'import openvino')"
expect "without openvino_telemetry" "hosts [], files []" \
    "$(look 'import sys; sys.modules["openvino_telemetry"] = None; import openvino')"
