"""``python -m scalor`` is the command ``scalor``."""

import sys

from scalor.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
