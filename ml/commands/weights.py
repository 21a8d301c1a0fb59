"""``python -m ml weights pull TAG --out DIR``: pretrained CLIP weights, when somebody asks."""

import argparse
import json
import sys
from pathlib import Path

from ml.intensity import pull, weights


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True)
    pull = actions.add_parser("pull", help="fetch pretrained weights (needs network access)")
    pull.add_argument("tag", metavar="TAG", help="ARCHITECTURE/TAG, as in ViT-B-32/openai")
    check = actions.add_parser("check", help="load a weights directory and say what it is")
    check.add_argument("out", metavar="DIR", type=Path)
    pull.add_argument("--out", required=True, type=Path, metavar="DIR")
    for action in (pull, check):
        action.add_argument(
            "--json", action="store_true", help="one JSON object on standard output"
        )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if options.action == "pull":
        pull.pull(options.tag, options.out)
    loaded = weights.load(f"{weights.LOCAL_PREFIX}{options.out}")
    facts = {
        "directory": str(options.out),
        "weights": loaded.name,
        "digest": loaded.digest,
        "verified": loaded.verified,
        "image_size": loaded.preprocess.size,
        "mean": list(loaded.preprocess.mean),
        "std": list(loaded.preprocess.std),
        "embed_dim": loaded.embed_dim,
    }
    if options.json:
        print(json.dumps(facts))
        return 0
    print(f"{loaded.name}: {loaded.preprocess.size} pixels, digest {loaded.digest[:12]}")
    if not loaded.verified:
        print(
            f"no {weights.ORIGIN_FILE}: activation and preprocessing are as the directory says,"
            " not checked against the weights' own answer",
            file=sys.stderr,
        )
    print(f"use it as {weights.LOCAL_PREFIX}{options.out}")
    return 0
