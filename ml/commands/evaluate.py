"""``python -m ml evaluate BUNDLE COHORT``: a bundle judged on labelled people it did not see."""

import argparse
import json
import sys
from pathlib import Path


def add_command(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser("evaluate", help="judge a bundle on a labelled cohort")
    parser.add_argument("bundle", type=Path, help="bundle directory")
    parser.add_argument("cohort", type=Path, help="feature table, or folder with manifest.csv")
    parser.add_argument("--out", type=Path, default=Path("var/evaluation"), help="report folder")
    parser.add_argument("--cache", type=Path, default=Path("var/features"), help="measured clips")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from ml.bundle import load
    from ml.cohort import read_table
    from ml.intensity.served import folder_of, source_of
    from ml.severity.assessed import figures, judge, write
    from ml.severity.measured import cohort_of_clips, curves_of_clips
    from ml.severity.training import check_splits

    bundle = load(options.bundle)
    given: Path = options.cohort
    curves = None
    if given.is_dir():
        source, embeds = source_of(bundle), folder_of(bundle)
        cohort = cohort_of_clips(given, options.cache, source=embeds)
        if bundle.diagnosis is not None:
            curves = curves_of_clips(given, cohort, options.cache, source, embeds)
    else:
        cohort = read_table(given, name=str(given))
    check_splits(cohort)
    found = figures(judge(bundle, cohort, curves))
    write(options.out, bundle, found)
    if options.json:
        json.dump(found, sys.stdout, allow_nan=False)
        print()
    else:
        print((options.out / "report.md").read_text(encoding="utf-8"))
    print(f"evaluate: wrote {options.out}", file=sys.stderr)
    return 0
