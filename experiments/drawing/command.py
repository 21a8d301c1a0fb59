"""``python -m experiments drawing fit-signals|calibration``: what the drawn faces were made by."""

import argparse
from pathlib import Path

import cv2
import torch

from experiments.drawing.healthy_median import calibrate
from experiments.drawing.signal_fit import FitPlan, fit, write
from ml.errors import WrongUse
from ml.phantom.signals import MODEL_FILE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", required=True)
    signals = kinds.add_parser(
        "fit-signals", help="fit the simulation to drawn and measured frames"
    )
    signals.add_argument("--out", type=Path, default=MODEL_FILE)
    signals.add_argument("--people", type=int, default=90)
    signals.add_argument("--check-people", type=int, default=16)
    signals.set_defaults(run=run_fit)
    calibration = kinds.add_parser("calibration", help="amplitude 1 beside the public medians")
    calibration.add_argument("--people", type=int, default=12)
    calibration.add_argument("--fps", type=float, default=8.0)
    calibration.set_defaults(run=run_calibration)


def run_fit(options: argparse.Namespace) -> int:
    if options.people < 10 or options.check_people < 4:
        raise WrongUse("a fit needs at least --people 10 and --check-people 4")
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    content = fit(FitPlan(people=options.people, check_people=options.check_people))
    write(options.out, content)
    agreed = content["figures"]["median_variance_spearman_of_moving_signals"]
    print(f"{options.out}: rank correlation of variances with measured clips, median {agreed}")
    return 0


def run_calibration(options: argparse.Namespace) -> int:
    cv2.setNumThreads(1)
    print("| expression | signal | statistic | drawn | public median | public quartiles |")
    print("|---|---|---|---|---|---|")
    for row in calibrate(options.people, options.fps):
        print(
            f"| {row.expression} | {row.signal} | {row.statistic} | {row.drawn:.3g}"
            f" | {row.public:.3g} | {row.low:.3g} to {row.high:.3g} |"
        )
    return 0
