"""What libraries are told in the environment before they are imported: import this first."""

import os

# numpy would start a thread per core of the machine, for linear algebra that no stage does.
DEFAULTS = {"OPENBLAS_NUM_THREADS": "1"}
# No process of a line sends telemetry, whichever module of a stage is the first to import it.
ALWAYS = {"ORT_DISABLE_TELEMETRY": "1"}

os.environ.update(DEFAULTS | os.environ | ALWAYS)
