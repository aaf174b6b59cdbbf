"""``python -m realtime``: the same as the console command ``realtime``."""

import sys

from realtime.cli import main

if __name__ == "__main__":
    sys.exit(main())
