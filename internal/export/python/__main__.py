"""The skill on a command line: python -m PACKAGE QUERY; --help says more."""
import runpy
import sys

from ._run import LAUNCHER


def main() -> None:
    sys.argv[0] = LAUNCHER
    runpy.run_path(LAUNCHER, run_name="__main__")


if __name__ == "__main__":
    main()
