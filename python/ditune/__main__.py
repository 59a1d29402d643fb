# SPDX-License-Identifier: Apache-2.0
"""The console command `ditune`, and `python -m ditune`."""

import sys

from ditune._program import run


def main() -> None:
    run(sys.argv[1:])


if __name__ == "__main__":
    main()
