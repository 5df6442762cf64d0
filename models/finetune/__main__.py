"""python -m models.finetune"""

import sys

from models.finetune.command import main

if __name__ == "__main__":
    sys.exit(main())
