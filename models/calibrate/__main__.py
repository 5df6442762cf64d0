"""python -m models.calibrate"""

import sys

from models.calibrate.command import main

if __name__ == "__main__":
    sys.exit(main())
