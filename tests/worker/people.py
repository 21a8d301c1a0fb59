"""People and sessions for the tests of workers and sockets, made through the services."""

from screening.models import (
    Membership,
    Patient,
    Protocol,
    ProtocolStep,
    Scope,
    Screening,
    Site,
    User,
)
from screening.services import consents, screenings

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
