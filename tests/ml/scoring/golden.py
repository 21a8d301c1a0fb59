"""Rewrites ``golden-scores.json`` after a new bundle was shipped on purpose:

python -m tests.ml.scoring.golden
"""

import json
from pathlib import Path

from ml.scoring.bundle import default_bundle_path, load
from tests.ml.scoring.test_bundle import invented

FIELDS = ("hypomimia_index", "p_pd", "severity_expected")


def main() -> None:
    bundle = load(default_bundle_path())
    scores = bundle.score([invented(seed) for seed in range(3)])
    rows = [{field: getattr(score, field) for field in FIELDS} for score in scores]
    path = Path(__file__).with_name("golden-scores.json")
    path.write_text(json.dumps({"digest": bundle.digest, "scores": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
