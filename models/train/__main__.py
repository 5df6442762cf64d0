"""python -m models.train"""

import sys

from models.train.command import main

if __name__ == "__main__":
    sys.exit(main())
