"""``python -m experiments``: what `make results` runs."""

import sys

from ml.__main__ import main

if __name__ == "__main__":
    sys.exit(
        main(
            prog="python -m experiments",
            description="Re-train, re-evaluate, rewrite the results.",
            modules=(
                "experiments.public.command",
                "experiments.phantom.command",
                "experiments.repeatability.command",
            ),
        )
    )
