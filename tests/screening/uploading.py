"""A patient who records the same part again and again, until stopped; prints each clip received.

Run by ``test_backups`` in a process of its own, on the database and store of its environment.
"""

import django

django.setup()

from screening.services import clips  # noqa: E402
from tests.screening import factories as make  # noqa: E402


def main() -> None:
    screening = make.draft()
    number = 0
    while True:
        clip = make.send(make.clip_of(screening, "smile"), make.VIDEO + str(number).encode())
        print(clip.pk, flush=True)
        clips.rerecord(by=make.person(screening), clip=clip)
        number += 1


if __name__ == "__main__":
    main()
