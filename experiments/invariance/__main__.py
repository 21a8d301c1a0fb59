"""``python -m experiments.invariance [--out PAGE] [--workers N]``"""

import argparse
import logging
import time
from pathlib import Path

from experiments.invariance.page import page
from experiments.invariance.study import measured


def main() -> None:
    parser = argparse.ArgumentParser(prog="experiments.invariance", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/invariance.md"))
    parser.add_argument("--workers", type=int, default=2, help="processes that film and measure")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    begin = time.monotonic()
    found = measured(max(options.workers, 1))
    options.out.write_text(page(found, time.monotonic() - begin), encoding="utf-8")
    print(f"written: {options.out}")


if __name__ == "__main__":
    main()
