"""``python -m experiments``: what `make results` runs."""

import sys

from ml.__main__ import main

if __name__ == "__main__":
    sys.exit(
        main(
            prog="python -m experiments",
            description="Re-train, re-evaluate, rewrite the results.",
            commands={
                "results": (
                    "experiments.public.command",
                    "re-evaluate on MIMIA_DATA, rewrite the results",
                ),
                "results-phantom": (
                    "experiments.phantom.command",
                    "measure the software on drawn faces; writes a page",
                ),
                "drawing": (
                    "experiments.drawing.command",
                    "fit the simulated signals, compare drawn faces with people",
                ),
                "shadow": (
                    "experiments.shadow.command",
                    "train the bundle that ships as the shadow, on drawn people",
                ),
                "repeatability": (
                    "experiments.repeatability.command",
                    "measure how scores repeat on MIMIA_DATA; writes a page",
                ),
            },
        )
    )
