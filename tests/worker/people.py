"""People and sessions for the tests of workers and sockets, made through the services."""

import hashlib
from pathlib import Path

from screening.models import (
    Clip,
    Membership,
    Patient,
    Protocol,
    ProtocolStep,
    Scope,
    Screening,
    Site,
    User,
)
from screening.services import consents, screenings, uploads

PASSWORD = "a long enough password"


def make_site(name: str = "Clinic", expressions: tuple[str, ...] = ("rest", "smile")) -> Site:
    """A clinic with a short protocol of its own."""
    protocol = Protocol.objects.create(slug=f"test-{name.lower()}", name="Test")
    for order, expression in enumerate(expressions, start=1):
        ProtocolStep.objects.create(
            protocol=protocol, order=order, expression=expression, seconds=4, instruction="Please."
        )
    return Site.objects.create(name=name, protocol=protocol)


def make_clinician(site: Site, email: str = "clinician@example.org") -> User:
    user = User.objects.create_user(email, PASSWORD)
    Membership.objects.create(user=user, site=site)
    return user


def make_patient(site: Site, email: str = "patient@example.org") -> Patient:
    user = User.objects.create_user(email, PASSWORD)
    patient = Patient.objects.create(site=site, user=user)
    consents.give(patient=patient, form=consents.current_form(), scopes=[Scope.CARE])
    return patient


def make_screening(patient: Patient) -> Screening:
    return screenings.start(patient=patient)


def the_user(patient: Patient) -> User:
    assert patient.user is not None
    return patient.user


class Session:
    """A patient's open screening of a drawn face, and short ways to its clips."""

    def __init__(
        self, drawn: Path, site: Site | None = None, email: str = "patient@example.org"
    ) -> None:
        self.drawn = drawn
        self.site = site or make_site()
        self.patient = make_patient(self.site, email)
        self.user = the_user(self.patient)
        self.screening = make_screening(self.patient)

    def beside(self, email: str) -> "Session":
        """The session of another patient of the same clinic."""
        return Session(self.drawn, self.site, email)

    def clip(self, expression: str) -> Clip:
        """The current clip, as it stands in the database now."""
        return screenings.current_clips(self.screening).get(step__expression=expression)

    def send(self, expression: str, content: bytes | None = None) -> Clip:
        """Uploads the drawn clip (or ``content``) as a browser would."""
        if content is None:
            content = (self.drawn / f"{expression}.mp4").read_bytes()
        upload = uploads.create(by=self.user, clip=self.clip(expression), mime_type="video/mp4")
        half = len(content) // 2
        for offset, piece in ((0, content[:half]), (half, content[half:])):
            uploads.append(by=self.user, upload=upload, offset=offset, data=piece)
        return uploads.complete(
            by=self.user,
            upload=upload,
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            announced={"seconds": 2.0},
        )

    def submit(self) -> Screening:
        return screenings.submit(by=self.user, screening=self.screening)
