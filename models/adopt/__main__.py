"""python -m models.adopt"""

import sys

from models.adopt.command import main

if __name__ == "__main__":
    sys.exit(main())
