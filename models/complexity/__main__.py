"""python -m models.complexity"""

import sys

from models.complexity.command import main

if __name__ == "__main__":
    sys.exit(main())
