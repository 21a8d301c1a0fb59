"""``python -m tests.fuzz``: prints one JSON object, and ends with 1 where there was a 5xx."""

import argparse
import json
import logging
import sys
from collections import Counter

from django.conf import settings
from django.core.management import call_command
from django.db import transaction
from django.test.utils import setup_test_environment

from tests.fuzz import stories, table
from tests.fuzz.site import Site
from tests.test_permission_matrix import make_case


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    options.add_argument("--examples", type=int, default=60, help="how many stories")
    options.add_argument("--thorough", action="store_true", help="every value, not a few of each")
    options.add_argument("--random", action="store_true", help="other stories at each run")
    chosen = options.parse_args()
    setup_test_environment()
    logging.disable(logging.CRITICAL)
    settings.ALLOWED_HOSTS = ["testserver"]
    call_command("migrate", verbosity=0)
    seen: Counter[int] = Counter()
    with transaction.atomic():
        site = Site(make_case())
        wrong = table.walk(site, seen, thorough=chosen.thorough)
        told = stories.tell(site, seen, examples=chosen.examples, derandomize=not chosen.random)
        transaction.set_rollback(True)
    answers = {str(status): count for status, count in sorted(seen.items())}
    found = {"requests": seen.total(), "answers": answers, "one thing wrong": wrong, "story": told}
    json.dump(found, sys.stdout, indent=2)
    return 1 if wrong or told else 0


if __name__ == "__main__":
    sys.exit(main())
