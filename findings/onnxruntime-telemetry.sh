#!/usr/bin/env bash
# ONNX Runtime's Python call that turns telemetry off leaves all that its import has begun.
#
# Expected by a reader of Privacy.md in the wheel (nobody wrote a guess down before the first run):
#          the import may emit one event; after
#          onnxruntime.disable_telemetry_events(), called first thing, no thread and no database of
#          events is left, and nothing is sent.
# Seen:    The import has started a thread, written a device identifier and a SQLite database below
#          ~/.cache/Microsoft/DeveloperTools/.onnxruntime, and queued an event there which holds the
#          path of the running program, the processor's name and the distribution. After the call
#          the thread, both files and the event are still there. Left running for a minute under
#          strace, the process then looked up mobile.events.data.microsoft.com, first after 9 to 13
#          seconds and then again and again (not repeated here: each process ends in two).
#          ORT_DISABLE_TELEMETRY=1 in the environment leaves none of it; 0, no and an empty value
#          do not count. CI=true leaves none of it either, so a test on a build server sees nothing.
# Version: onnxruntime 1.32.0, Python 3.11, Linux x86-64, 2026-11-29
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check onnxruntime==1.32.0

# Prints threads beside the main one, files in the home, and how many of them name the program.
look() { # VARIABLE=VALUE... STATEMENTS
    local home statements=${*: -1}
    home=$(mktemp -d -p "$folder")
    env -i PATH="$PATH" HOME="$home" OPENBLAS_NUM_THREADS=1 "${@:1:$#-1}" \
        "$folder/venv/bin/python" - "$statements" <<'PYTHON'
import os, sys, time
exec(sys.argv[1])
time.sleep(1)
print(f"threads {len(os.listdir('/proc/self/task')) - 1}", end="")
PYTHON
    echo ", files [$(find "$home" -type f -printf '%f\n' | sort | xargs)]," \
        "program named in $(grep -rlaF "$folder/venv/bin/python" "$home" | wc -l)"
}

expect() { # WHAT EXPECTED GOT
    echo "$1: $3"
    [[ $3 == "$2" ]] || { echo "expected: $2" >&2; exit 1; }
}

all="threads 1, files [deviceid onnxruntime.db], program named in 1"
none="threads 0, files [], program named in 0"
expect "import" "$all" "$(look 'import onnxruntime')"
expect "import, disable_telemetry_events()" "$all" \
    "$(look 'import onnxruntime; onnxruntime.disable_telemetry_events()')"
expect "ORT_DISABLE_TELEMETRY=0" "$all" "$(look ORT_DISABLE_TELEMETRY=0 'import onnxruntime')"
expect "ORT_DISABLE_TELEMETRY=1" "$none" "$(look ORT_DISABLE_TELEMETRY=1 'import onnxruntime')"
expect "CI=true" "$none" "$(look CI=true 'import onnxruntime')"
