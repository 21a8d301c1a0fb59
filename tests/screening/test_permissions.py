"""Who may do what to which row: the whole table, and the same through every way of asking."""

from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db.models import Model
from django.utils import timezone

from screening import permissions
from screening.models import (
    Consent,
    Invitation,
    Membership,
    Patient,
    Screening,
    Site,
    Upload,
    User,
)
from screening.permissions import REGISTRY, ActAsPatient, Permission, WorkAtSite, is_administrator
from screening.services import invitations, uploads
from tests.screening import factories as make

pytestmark = pytest.mark.django_db

OWN, HERE, ADMIN = "the patient", "a clinician of the site", "an administrator"
#: Permission → who holds it while the screening is open; everybody else holds nothing.
OPEN: dict[str, set[str]] = {
    "follow_screening": {HERE},
    "view_screening": {OWN, HERE},
    "record_screening": {OWN},
    "review_screening": {HERE},
    "view_clip": {OWN, HERE},
    "record_clip": {OWN},
    "review_clip": {HERE},
    "write_upload": {OWN},
    "view_assessment": {HERE},
    "work_at_site": {HERE},
    "manage_invitation": {HERE},
    "act_as_patient": {OWN},
    "view_consent": {OWN},
    "erase_patient": {OWN, ADMIN},
}
#: What a clinic keeps of a screening that was taken back: that there is one.
TAKEN_BACK = OPEN | {
    "view_clip": {OWN},
    "review_screening": set(),
    "review_clip": set(),
    "view_assessment": set(),
}
#: Of an erased patient nothing is the patient's any more, should an account be left.
ERASED = {
    name: {who for who in holders if who != OWN or name == "erase_patient"}
    for name, holders in TAKEN_BACK.items()
}


@dataclass(frozen=True)
class World:
    """A row for each permission, and everybody who could ask."""

    rows: dict[str, Model]
    people: dict[str, User | AnonymousUser]


@pytest.fixture
def world() -> World:
    screening = make.scored()
    make.scored()
    patient, site = screening.patient, screening.site
    clinician, admin = make.ClinicianFactory(site=site), make.AdminFactory()
    draft = make.draft(patient)
    uploads.create(by=make.person(draft), clip=make.clip_of(draft, "rest"))
    invitations.invite(by=clinician, site=site, name="Ada", email="ada@example.org")
    rows: dict[type[Model], Model] = {
        Screening: screening,
        type(clip := screening.clips.all()[0]): clip,
        Upload: Upload.objects.get(clip__screening=draft),
        type(result := screening.assessments.get()): result,
        Site: site,
        Invitation: Invitation.objects.get(site=site),
        Patient: patient,
        Consent: Consent.objects.get(patient=patient),
    }
    gone = make.ClinicianFactory(site=site, is_active=False)
    assistant = make.UserFactory()
    Membership.objects.create(user=assistant, site=site, role="assistant")
    people: dict[str, User | AnonymousUser] = {
        OWN: make.person(screening),
        HERE: clinician,
        ADMIN: admin,
        "another patient of the site": make.person(make.draft(make.PatientFactory(site=site))),
        "a clinician elsewhere": make.ClinicianFactory(),
        "a clinician whose account was closed": gone,
        "somebody else who works at the site": assistant,
        "nobody": AnonymousUser(),
    }
    return World({name: rows[one.model] for name, one in REGISTRY.items()}, people)


def every_permission() -> set[type[Permission]]:
    """By looking for the classes, not at what was registered."""
    found = [one for one in vars(permissions).values() if isinstance(one, type)]
    return {one for one in found if issubclass(one, Permission) and one is not Permission}


def test_every_permission_is_registered_and_stands_in_the_table() -> None:
    assert set(REGISTRY.values()) == every_permission()
    assert set(REGISTRY) == set(OPEN)


def holders(world: World) -> dict[str, set[str]]:
    """Who holds what, asked in every way there is; they all say the same."""
    found: dict[str, set[str]] = {}
    for name, permission in REGISTRY.items():
        row = world.rows[name]
        row.refresh_from_db()
        found[name] = set()
        for who, user in world.people.items():
            may = permission.allows(user, row)
            rows = permission.model._default_manager.all()
            assert (row in permission.filter(user, rows)) == may, (name, who)
            if may:
                found[name].add(who)
    return found


def test_while_it_is_open(world: World) -> None:
    assert holders(world) == OPEN


def test_once_it_was_taken_back(world: World) -> None:
    Screening.objects.update(withdrawn_at=timezone.now())
    assert holders(world) == TAKEN_BACK


def test_once_the_patient_was_erased(world: World) -> None:
    """Each rule by itself: here the account is still tied to the record."""
    Patient.objects.update(erased_at=timezone.now())
    assert holders(world) == ERASED


def test_whose_account_is_closed_holds_nothing(world: World) -> None:
    User.objects.update(is_active=False)
    for user in world.people.values():
        if isinstance(user, User):
            user.refresh_from_db()
    assert not any(holders(world).values())
    assert not any(map(is_administrator, world.people.values()))


def test_a_membership_that_was_lost_is_lost_at_once(world: World) -> None:
    Membership.objects.all().delete()
    assert all(HERE not in who for who in holders(world).values())


def test_what_is_no_row_of_its_kind_is_allowed_to_nobody(world: World) -> None:
    for name, permission in REGISTRY.items():
        # One of another kind with the very same id, too.
        twin = (Patient if permission.model is not Patient else Site)(pk=world.rows[name].pk)
        for other in (None, AnonymousUser(), twin, *world.rows.values()):
            if not isinstance(other, permission.model):
                for user in world.people.values():
                    assert not permission.allows(user, other)  # type: ignore[arg-type]


def test_a_rule_that_is_not_stated_allows_nothing(world: World) -> None:
    with pytest.raises(TypeError, match="states no rule"):
        Permission.rule(make.UserFactory())


def test_administrators_administer_and_nobody_else(world: World) -> None:
    assert {who for who, user in world.people.items() if is_administrator(user)} == {ADMIN}


def test_many_at_once_are_told_the_same_as_each_alone(world: World) -> None:
    users = [user for user in world.people.values() if isinstance(user, User)]
    ids = [user.pk for user in users]

    def one_by_one() -> tuple[set[Any], dict[Any, Any]]:
        sites = {
            (user.pk, row.pk)
            for user in users
            for row in WorkAtSite.filter(user, Site.objects.all())
        }
        own = {
            user.pk: row.pk
            for user in users
            for row in ActAsPatient.filter(user, Patient.objects.all())
        }
        return sites, own

    assert (WorkAtSite.holders(ids), ActAsPatient.holders(ids)) == one_by_one()
    assert all(one_by_one())
    assert (WorkAtSite.holders([]), ActAsPatient.holders([])) == (set(), {})
    patient = world.rows["act_as_patient"]
    Patient.objects.filter(pk=patient.pk).update(erased_at=timezone.now())
    assert ActAsPatient.holders(ids) == one_by_one()[1]
    User.objects.update(is_active=False)
    assert (WorkAtSite.holders(ids), ActAsPatient.holders(ids)) == (set(), {})
