"""python -m models.train.widening"""

import sys

from models.train.widening.command import main

if __name__ == "__main__":
    sys.exit(main())
