"""``python -m csaclean``."""

import sys

from csaclean.cli import main

if __name__ == "__main__":
    sys.exit(main())
