"""python -m models.candidates"""

import sys

from models.candidates.command import main

if __name__ == "__main__":
    sys.exit(main())
