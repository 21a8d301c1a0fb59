"""``manage.py screen DIR``: assesses a folder of clips through the services, without a site.

A folder of such folders is the sessions of one person: each is assessed, and all together give the
person's result.

Exit codes: 0 an assessment was made (one that abstains included), 2 wrong use, 1 our own fault.
"""

import json
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError

from screening.errors import DomainError
from screening.models import Clip, Patient, Protocol, Scope, Site
from screening.services import consents, saying, screenings
from worker import bundles, folder, recording, report, steps
from worker.errors import MeasuringError
from worker.pool import close_pools, cores, measuring_pool, open_pools
from worker.sandbox import temporary_site

SITE = "From the command line"


class Command(BaseCommand):
    help = (
        "Assess a folder of clips named by expression (rest.mp4, smile.webm, …), or each of its"
        " sub-folders as a session of one person."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", metavar="DIR", nargs="?", help="folder with the clips")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
        parser.add_argument("--save", action="store_true", help="keep it in the site's database")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["folder"]:
            self._end("which folder? python manage.py screen DIR [--json] [--save]", 2)
        ignored: list[str] = []
        place = Path(options["folder"])
        try:
            sessions = folder.sessions(place, warn=ignored.append)
            clips = {} if sessions else folder.read(place, warn=ignored.append)
        except folder.FolderError as error:
            self._end(str(error), 2)
        for line in ignored:
            self._say(line)
        at_once = min(cores(), max(map(len, [clips, *sessions.values()])))
        open_pools(at_once)
        # The science loads while the database is made.
        measuring_pool().start()
        try:
            with nullcontext() if options["save"] else temporary_site():
                result = _screen_person(sessions, at_once) if sessions else _screen(clips, at_once)
        except DatabaseError as error:
            self._end(f"the database is not ready ({error}); try: python manage.py migrate", 1)
        except (DomainError, MeasuringError) as error:
            self._end(f"no assessment: {' '.join(str(error).split())}", 1)
        finally:
            close_pools()
        if options["json"]:
            self.stdout.write(json.dumps(result, allow_nan=False))
        else:
            words = report.person_as_text if sessions else report.as_text
            self.stdout.write(words(result))

    def _say(self, line: str) -> None:
        self.stderr.write(f"screen: {line}", self.style.NOTICE)

    def _end(self, line: str, code: int) -> None:
        self._say(line)
        sys.exit(code)


def _screen_person(
    sessions: Mapping[str, Mapping[str, recording.FileClip]], at_once: int
) -> dict[str, Any]:
    """The JSON of each session by the name of its folder, and the person's result over all."""
    patient = _patient()
    results = {name: _screen(files, at_once, patient) for name, files in sessions.items()}
    person = steps.person_of(list(results.values()), bundles.ensure_active())
    # No sentence is about single clips, and some here never reached an assessment.
    newest = {**list(results.values())[-1], "clips": []}
    statement = saying.of_json(newest, person)
    return {"person": person, "sessions": results, "statement": statement}


def _screen(
    files: Mapping[str, recording.FileClip], at_once: int, patient: Patient | None = None
) -> dict[str, Any]:
    """From files to the assessment's JSON, with the clips that never reached the assessment."""
    bundle = bundles.ensure_active()
    patient = patient or _patient()
    # Each folder is asked for everything: the further sessions of a course are shorter at home.
    screening = screenings.start(patient=patient, protocol=patient.site.protocol)
    by = recording.person(screening.patient)
    received, refused = recording.upload_all(screening, by, files)
    recording.measure_all(received, at_once)
    if received:
        screenings.submit(by=by, screening=screening)
        assessment = recording.assess_now(screening)
        if assessment is None:
            raise MeasuringError("the clips were taken back or changed meanwhile")
        result = dict(assessment.result)
    else:
        # Not one clip could be taken in, so there is nothing to submit: an abstention that no row
        # keeps. The screening is taken back, or it would stand as a draft for ever.
        result = steps.assess_measurements({}, bundle)
        screenings.withdraw(by=by, screening=screening)
    result["statement"] = saying.of_json(result)
    result["screening"] = str(screening.pk)
    failed = [_failed(clip) for clip in screening.clips.filter(state=Clip.State.FAILED)]
    result["clips"] = [*result["clips"], *(clip.to_json() for clip in refused), *failed]
    return result


def _patient() -> Patient:
    protocol = Protocol.objects.filter(slug="standard").order_by("-version")[0]
    site, _ = Site.objects.get_or_create(name=SITE, defaults={"protocol": protocol})
    patient = Patient.objects.create(site=site)
    recording.person(patient)
    consents.give(patient=patient, form=consents.current_form(), scopes=[Scope.CARE])
    return patient


def _failed(clip: Clip) -> dict[str, Any]:
    return {
        "expression": clip.step.expression,
        "state": "failed",
        "reason": clip.reason,
        "detail": "it could not be measured: our fault, not the clip's",
        "quality": None,
        "signs": [],
    }
