"""Marks wherever a person can write, an erasure, and a search for what is left of them.

Run by ``test_traces`` in a process of its own, once per kind of database. The marks come in two
ways: through the pages and the API, into every field of every form and serializer that takes words
(``WRITTEN``), and straight into every column of every row that leads to the patient. Prints one
JSON object: what was found where it must not be, and what was lost that is to be kept.
"""

import base64
import hashlib
import json
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import django

django.setup()

from allauth.account.models import EmailAddress, EmailConfirmation  # noqa: E402
from allauth.mfa.models import Authenticator  # noqa: E402
from django.apps import apps  # noqa: E402
from django.conf import settings  # noqa: E402
from django.contrib.sessions.models import Session  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import IntegrityError, connection, models, transaction  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402
from redis import Redis  # noqa: E402

from screening.models import Patient, Screening, Site, User  # noqa: E402
from screening.services import erasure, exports, listing, screenings  # noqa: E402
from screening.services.erasure_rules import COLUMNS  # noqa: E402
from tests.screening import factories as make  # noqa: E402

#: A field of a form or serializer that takes words → the mark that was written into it.
WRITTEN: dict[str, str] = {}
#: Columns that hold one of a list, as a constraint of the database says: no words come in.
REFUSED: set[str] = set()
AGENT = "agent-zq1qz"
#: Not overwritten when marks are planted: the patient and the files are known by them.
KNOWN_BY = {
    *("User.email", "User.password", "Invitation.email", "account.EmailAddress.email"),
    "ExportedClip.name",
}
TUS = {"Tus-Resumable": "1.0.0"}


def mark(field: str = "") -> str:
    """Eight letters that stand nowhere else, short enough for every column."""
    made = "z" + secrets.token_hex(3) + "q"
    if field:
        WRITTEN[field] = made
    return made


def ok(answer: Any, *statuses: int) -> Any:
    assert answer.status_code in (statuses or (200, 201, 204, 302)), (
        answer.request["PATH_INFO"],
        answer.status_code,
        answer.content[:800],
    )
    return answer


class Browser(Client):
    """A client that names itself, as browsers do."""

    def generic(self, method: str, path: str, *args: Any, **extra: Any) -> Any:
        return super().generic(method, path, *args, **{"HTTP_USER_AGENT": AGENT, **extra})

    def sends(self, path: str, body: Any, method: str = "post", **extra: Any) -> Any:
        call = getattr(self, method)
        return ok(call(path, json.dumps(body), content_type="application/json", **extra))


class World:
    """A clinic, its clinician and an administrator, and the patient who will be erased."""

    def __init__(self) -> None:
        self.site: Site = make.SiteFactory()
        self.clinician = make.ClinicianFactory(site=self.site)
        self.admin = make.AdminFactory()
        make.active_bundle()
        self.at_clinic, self.at_admin, self.own = Browser(), Browser(), Browser()
        backend = "django.contrib.auth.backends.ModelBackend"
        self.at_clinic.force_login(self.clinician, backend=backend)
        self.at_admin.force_login(self.admin, backend=backend)
        self.name = f"Ada {mark('InviteForm.name')} Ünal"
        self.email = f"{mark('InviteForm.email')}@example.org"
        self.password = f"{mark()} correct horse"

    def live(self) -> None:
        """All that a patient does here, and all that others write about them."""
        self.arrive()
        self.record()
        self.others_write()
        self.is_exported()
        self.fails_to_log_in()

    def arrive(self) -> None:
        invited = {"name": self.name, "email": self.email}
        for _ in range(2):  # once by mistake: a record that is never used
            answer = ok(self.at_clinic.post("/clinic/invite/", invited))
        link = re.findall(r"/invitation/[^/]+/", answer.content.decode())[0]
        body = {"site": str(self.site.pk), "name": f"Bo {mark('InvitationIn.name')}",
                "email": self.email}  # fmt: skip
        WRITTEN["InvitationIn.email"] = self.email
        self.at_clinic.sends("/api/v1/invitations/", body)
        self.account = f"{mark('AcceptForm.email')}@example.org"
        WRITTEN["AcceptForm.password"] = self.password
        given = {"email": self.account, "password": self.password}
        ok(self.own.post(link, given), 302)
        self.patient = Patient.objects.get(user__email=self.account)
        # A log-in of its own: allauth then keeps the address in the session.
        self.second = Browser()
        WRITTEN["LoginForm.login"], WRITTEN["LoginForm.password"] = self.account, self.password
        ok(self.second.post("/accounts/login/", {"login": self.account, "password": self.password}))
        WRITTEN["AddEmailForm.email"] = f"{mark()}@example.org"
        asked = self.second.post("/accounts/reauthenticate/", {"password": self.password})
        ok(asked, 302)
        added = {"action_add": "", "email": WRITTEN["AddEmailForm.email"]}
        ok(self.second.post("/accounts/email/", added), 302)
        assert EmailAddress.objects.filter(email=added["email"]).exists()
        make.consent(self.patient, "care", "research", "training")

    def record(self) -> None:
        for number in range(2):
            screening = self.own.sends("/api/v1/screenings/", {}).json()["id"]
            row = Screening.objects.get(pk=screening)
            self.own.sends(f"/api/v1/screenings/{screening}/intake/", {"age_years": 61}, "put")
            for clip in screenings.current_clips(row):
                self.send(str(clip.pk))
                make.measure(clip)
            if number == 0:
                self.own.sends(f"/api/v1/screenings/{screening}/submit/", {})
                make.assess(row, abstained=None)
                make.read_together()
            self.screening = row
        clip = make.clip_of(self.screening, "rest")
        self.own.sends(f"/api/v1/clips/{clip.pk}/rerecord/", {})
        clip = make.clip_of(self.screening, "rest")
        self.own.sends(f"/api/v1/clips/{clip.pk}/skip/", {"reason": mark("SkipIn.reason")})
        clip = make.clip_of(self.screening, "smile")
        self.own.sends(f"/api/v1/clips/{clip.pk}/rerecord/", {})
        self.send(str(make.clip_of(self.screening, "smile").pk), complete=False)
        self.scored = Screening.objects.get(patient=self.patient, state="scored")

    def send(self, clip: str, complete: bool = True) -> None:
        name = mark("Upload-Metadata.filename")
        metadata = {"filename": name, "filetype": "video/webm"}
        headers = {
            "Upload-Defer-Length": "1",
            "Upload-Metadata": ",".join(
                f"{key} {base64.b64encode(value.encode()).decode()}"
                for key, value in metadata.items()
            ),
        }
        made = ok(self.own.post(f"/api/v1/clips/{clip}/uploads/", headers=TUS | headers))
        self.film = f"film {mark('Octets')} of a face".encode() * 40
        octets = "application/offset+octet-stream"
        headers = TUS | {"Upload-Offset": "0"}
        where = made["Location"]
        ok(self.own.patch(where, self.film, content_type=octets, headers=headers))
        if not complete:
            return
        announced = {
            "seconds": 4.0,
            "frames": 120,
            "cues": [{"at": 1.0, "kind": mark("Cue.kind")}],
            "interrupted": False,
            "mime_type": "video/webm",
            "camera": {"label": mark("AnnouncedIn.camera")},
        }
        digest = hashlib.sha256(self.film).hexdigest()
        body = {"size": len(self.film), "sha256": digest, "announced": announced}
        self.own.sends(f"{where}complete/", body)

    def others_write(self) -> None:
        here = f"/api/v1/screenings/{self.scored.pk}"
        self.at_clinic.sends(f"{here}/reviews/", {"grade": 2, "note": mark("ReviewIn.note")})
        user = self.patient.user
        assert user is not None
        page = f"/admin/screening/patient/{self.patient.pk}/change/"
        self.name = f"Ada {mark('PatientForm.name')} Ünal"
        ok(self.at_admin.post(page, {"name": self.name}), 302)
        page = f"/admin/screening/user/{user.pk}/change/"
        typed = {"email": self.account, "name": mark("UserChangeForm.name"), "is_active": "on",
                 "memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}  # fmt: skip
        ok(self.at_admin.post(page, typed), 302)
        self.other_address = f"{mark()}@example.org"
        second = EmailAddress.objects.create(user=user, email=self.other_address)
        EmailConfirmation.objects.create(email_address=second, key=mark(), sent=timezone.now())

    def is_exported(self) -> None:
        self.export = settings.VAR / "exported"
        call_command("export_cohort", str(self.export), stdout=sys.stderr, stderr=sys.stderr)
        assert list(self.export.glob("S-*"))
        here = f"/api/v1/screenings/{self.scored.pk}"
        asked = {"steps": ["smile"], "note": mark("RerecordIn.note")}
        self.at_clinic.sends(f"{here}/request-rerecord/", asked)
        told = {"accounts": {"patient": {"email": self.account, "password": self.password}}}
        (settings.VAR / "demo.json").write_text(json.dumps(told))

    def fails_to_log_in(self) -> None:
        stranger = Browser()
        for path, typed in (
            ("/accounts/login/", {"login": self.account, "password": mark()}),
            ("/accounts/password/reset/", {"email": self.account}),
        ):
            ok(stranger.post(path, typed))
            ok(stranger.get(f"/?name={self.name}"))
        WRITTEN["ResetPasswordForm.email"] = self.account

    def all_marks(self) -> list[str]:
        named = (self.name, self.email, self.account, self.other_address, self.password)
        return [AGENT, *WRITTEN.values(), *named]


def ways_to_a_patient(model: type[models.Model], seen: tuple[Any, ...] = ()) -> Iterator[str]:
    """Lookups from a model to the patient's row, or to the patient's account."""
    for field in model._meta.get_fields():
        target = field.related_model
        if not (field.many_to_one or field.one_to_one) or not field.concrete or target in seen:
            continue
        if target in (Patient, User):
            yield field.name if target is Patient else f"{field.name}__patient"
        elif target is not None:
            for way in ways_to_a_patient(target, (*seen, model)):
                yield f"{field.name}__{way}"


def label_of(model: type[models.Model], field: str) -> str:
    app = model._meta.app_label
    return f"{'' if app == 'screening' else app + '.'}{model.__name__}.{field}"


def plant(patient: Patient) -> dict[str, tuple[str, str]]:
    """A mark in every column with a rule, of every row that leads to the patient:
    mark → (column, what is to become of it)."""
    planted: dict[str, tuple[str, str]] = {}
    for model in apps.get_models():
        ways = {Patient: ["pk"], User: ["patient"]}.get(model) or list(ways_to_a_patient(model))
        condition = models.Q(pk__in=[])
        for way in ways:
            condition |= models.Q(**{way: patient.pk})
        for pk in list(model._default_manager.filter(condition).values_list("pk", flat=True)):
            for field in model._meta.concrete_fields:
                rule = COLUMNS.get(label_of(model, field.name))
                if rule is None or field.primary_key or label_of(model, field.name) in KNOWN_BY:
                    continue
                made = mark()
                value = {made: [made]} if isinstance(field, models.JSONField) else made
                try:
                    with transaction.atomic():
                        model._default_manager.filter(pk=pk).update(**{field.name: value})
                except IntegrityError:
                    REFUSED.add(label_of(model, field.name))
                else:
                    planted[made] = (label_of(model, field.name), rule)
    return planted


def files_of_the_site() -> Iterator[tuple[str, bytes]]:
    """Every byte that the site has written: database with its log, clips, exports, logs, the rest;
    and what SQLite files do not show, decoded: sessions."""
    for path in sorted(settings.VAR.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(settings.VAR)), path.read_bytes()
    if connection.vendor == "postgresql":
        url = connection.settings_dict
        name = ["-h", url["HOST"], "-p", str(url["PORT"]), "-U", url["USER"], url["NAME"]]
        dump = subprocess.run(["pg_dump", *name], check=True, capture_output=True)
        yield "pg_dump", dump.stdout
    if settings.REDIS_URL:
        redis = Redis.from_url(settings.REDIS_URL)
        for key in redis.scan_iter():
            kept = redis.lrange(key, 0, -1) if redis.type(key) == b"list" else [redis.dump(key)]
            yield f"redis {key}", b"\n".join([key, *kept])
    for session in Session.objects.all():
        yield "session", json.dumps(session.get_decoded()).encode()


def shapes(word: str) -> set[bytes]:
    """A word as it may be written down: plain, escaped in JSON, in base64 at any place."""
    found = {word.encode(), json.dumps(word)[1:-1].encode()}
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + word.encode())
        found.add(coded[4 if shift else 0 : -4])
    return {shape for shape in found if len(shape) >= 6}


def look_for(words: list[str]) -> dict[str, list[str]]:
    """Which of the words stand where."""
    found: dict[str, list[str]] = {}
    for place, content in files_of_the_site():
        for word in words:
            if any(shape in content for shape in shapes(word)):
                found.setdefault(word, []).append(place)
    return found


def confirm(world: World) -> None:
    """The patient proves once more who they are, on the way to the page."""
    asked = ok(world.own.get("/erase/"), 302)
    assert "/reauthenticate/" in asked["Location"], asked["Location"]
    answer = world.own.post(asked["Location"], {"password": world.password})
    assert ok(answer, 302)["Location"] == "/erase/"
    # Only now, or a security key would be asked for.
    key = {"user": world.patient.user, "type": "webauthn", "data": {"name": "Phone"}}
    Authenticator.objects.create(**key)


def erase(world: World) -> None:
    """By the patient's own hand, on the page; then what the worker does."""
    answer = ok(world.own.post("/erase/", {"typed": "Delete"}), 200)
    assert b"Everything about you is deleted" in answer.content, answer.content
    for patient in Patient.objects.filter(erased_at__isnull=False):
        assert erasure.erase_files(patient_id=patient.pk)


def main() -> None:
    call_command("migrate", verbosity=0)
    if connection.vendor == "sqlite":
        # As a site ran before this was set: what it deleted then still lies in free pages.
        with connection.cursor() as cursor:
            assert cursor.execute("PRAGMA secure_delete").fetchone() == (1,)
            cursor.execute("PRAGMA secure_delete=OFF")
    world = World()
    world.live()
    confirm(world)
    planted = plant(world.patient)
    words = [*world.all_marks(), *planted]
    before = look_for(words)
    # What the search must be able to find at all, or it proves nothing.
    known = (world.email, world.account, world.other_address)
    blind = [word for word in (*planted, *known) if word not in before]
    # The session of a log-in is packed; it holds the address all the same.
    assert "session" in before[world.account]
    erase(world)
    after = look_for(words)
    kept = {word for word, (_, rule) in planted.items() if rule.startswith("kept")}
    print(
        json.dumps(
            {
                "written": sorted(WRITTEN),
                "blind": [planted.get(word, [word])[0] for word in blind],
                "left": {
                    planted.get(word, [word])[0]: places
                    for word, places in after.items()
                    if word not in kept
                },
                "lost": sorted({planted[word][0] for word in kept - set(after)}),
                "columns": sorted({*REFUSED, *(column for column, _ in planted.values())}),
                "stored": [one.key for one in listing.objects()],
                "exported": [path.name for path in world.export.iterdir()],
                "manifest": (world.export / exports.MANIFEST).read_text(),
            }
        )
    )


if __name__ == "__main__":
    main()
