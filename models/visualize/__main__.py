"""python -m models.visualize"""

import sys

from models.visualize.command import main

if __name__ == "__main__":
    sys.exit(main())
