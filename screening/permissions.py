"""Who may do what to which row: one class per permission.

Each class states its rule once, as a filter over a query set. The check of one object is the same
filter narrowed to that row, so a list and a single object can never disagree, and a membership that
was lost a moment ago is lost here too. ``REGISTRY`` has them all by name.

Django's *superuser may do everything* is on purpose not asked: administrators work in the admin
site; a patient's videos and results belong to the patient and to the clinicians of the site.
"""

from collections.abc import Iterable
from typing import Any, ClassVar
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from screening.models import (
    Assessment,
    Clip,
    Consent,
    Invitation,
    Membership,
    Patient,
    Screening,
    Site,
    Upload,
    User,
)

Actor = User | AnonymousUser
REGISTRY: dict[str, type["Permission"]] = {}


class Permission:
    """A rule over the rows of one model. Subclasses give ``name``, ``model`` and ``rule``."""

    name: ClassVar[str]
    model: ClassVar[type[Model]]

    def __init_subclass__(cls) -> None:
        if "name" in cls.__dict__:
            REGISTRY[cls.name] = cls

    @classmethod
    def rule(cls, user: User) -> Q:
        """The rows that this signed-in user may act on."""
        raise TypeError(f"{cls.__name__} states no rule")

    @classmethod
    def filter(cls, user: Actor, rows: QuerySet[Any]) -> QuerySet[Any]:
        """``rows`` without those that ``user`` may not act on; nothing for the anonymous."""
        if not isinstance(user, User) or not user.is_active:
            return rows.none()
        return rows.filter(cls.rule(user))

    @classmethod
    def allows(cls, user: Actor, row: Model | None) -> bool:
        """The same rule for one row."""
        if row is None or not isinstance(row, cls.model):
            return False
        return cls.filter(user, cls.model._default_manager.filter(pk=row.pk)).exists()


def stands(prefix: str = "") -> Q:
    """Screenings that were not taken back: what they hold may be read, and worked on.

    Closed are those that the patient took back, all of a patient whose consent to the clinic was
    withdrawn, and all of an erased one. Every permission of a reader other than the patient, the
    pages of the admin site, the comparison, the exports and the workers ask this and nothing else.
    """
    consent = Consent.objects.filter(patient=OuterRef(f"{prefix}patient"))
    return Q(
        Exists(consent.filter(withdrawn_at__isnull=True)),
        **{f"{prefix}withdrawn_at__isnull": True, f"{prefix}patient__erased_at__isnull": True},
    ) & ~Q(**{f"{prefix}state": Screening.State.WITHDRAWN})


def _own(prefix: str, user: User) -> Q:
    """Rows of the user's own patient record."""
    return Q(**{f"{prefix}patient__user": user, f"{prefix}patient__erased_at__isnull": True})


def _site(prefix: str, user: User) -> Q:
    """Rows of a site where the user is a clinician."""
    return Q(**{f"{prefix}site__in": _sites_of(user)})


def _sites_of(user: User) -> QuerySet[Any]:
    """As a sub-query, not a join: a join would repeat a row for each member of its site."""
    return _clinicians().filter(user=user).values("site")


def _clinicians() -> QuerySet[Membership]:
    return Membership.objects.filter(role=Membership.Role.CLINICIAN)


class FollowScreening(Permission):
    """That there is a screening, and where it stands: clinicians of the site, for ever."""

    name, model = "follow_screening", Screening

    @classmethod
    def rule(cls, user: User) -> Q:
        return _site("", user)


class ViewScreening(Permission):
    """The patient's own, and where it stands for those who follow it. What it holds is behind
    :class:`ReviewScreening`."""

    name, model = "view_screening", Screening

    @classmethod
    def rule(cls, user: User) -> Q:
        return _own("", user) | FollowScreening.rule(user)


class RecordScreening(Permission):
    """Intake, clips, submission, withdrawal: the patient alone."""

    name, model = "record_screening", Screening

    @classmethod
    def rule(cls, user: User) -> Q:
        return _own("", user)


class ReviewScreening(Permission):
    """What a screening holds, its review, its release: clinicians of the site while it stands."""

    name, model = "review_screening", Screening

    @classmethod
    def rule(cls, user: User) -> Q:
        return _site("", user) & stands()


class ViewClip(Permission):
    """The patient's own clips; the clinicians of the site while the screening stands."""

    name, model = "view_clip", Clip

    @classmethod
    def rule(cls, user: User) -> Q:
        return _own("screening__", user) | ReviewClip.rule(user)


class RecordClip(Permission):
    name, model = "record_clip", Clip

    @classmethod
    def rule(cls, user: User) -> Q:
        return _own("screening__", user)


class ReviewClip(Permission):
    """Signals and curves of a clip: clinicians of the site while the screening stands."""

    name, model = "review_clip", Clip

    @classmethod
    def rule(cls, user: User) -> Q:
        return _site("screening__", user) & stands("screening__")


class WriteUpload(Permission):
    name, model = "write_upload", Upload

    @classmethod
    def rule(cls, user: User) -> Q:
        return _own("clip__screening__", user)


class ViewAssessment(Permission):
    """The full assessment: clinicians of the site while the screening stands. Patients read
    released results elsewhere."""

    name, model = "view_assessment", Assessment

    @classmethod
    def rule(cls, user: User) -> Q:
        return _site("screening__", user) & stands("screening__")


class WorkAtSite(Permission):
    """Worklist, invitations, comparison of bundles: clinicians of the site."""

    name, model = "work_at_site", Site

    @classmethod
    def rule(cls, user: User) -> Q:
        return Q(pk__in=_sites_of(user))

    @classmethod
    def holders(cls, users: Iterable[int]) -> set[tuple[int, UUID]]:
        """The same rule for many people in one query: who may work at which site."""
        rows = _clinicians().filter(user__in=list(users), user__is_active=True)
        return set(rows.values_list("user_id", "site_id"))


class ManageInvitation(Permission):
    name, model = "manage_invitation", Invitation

    @classmethod
    def rule(cls, user: User) -> Q:
        return _site("", user)


class ActAsPatient(Permission):
    """Consents and the patient's own event stream."""

    name, model = "act_as_patient", Patient

    @classmethod
    def rule(cls, user: User) -> Q:
        return Q(user=user, erased_at__isnull=True)

    @classmethod
    def holders(cls, users: Iterable[int]) -> dict[int, UUID]:
        """The same rule for many people in one query: each one's patient record."""
        rows = Patient.objects.filter(
            user__in=list(users), user__is_active=True, erased_at__isnull=True
        )
        return dict(rows.values_list("user_id", "pk"))


class ViewConsent(Permission):
    name, model = "view_consent", Consent

    @classmethod
    def rule(cls, user: User) -> Q:
        return _own("", user)


class ErasePatient(Permission):
    """Patients erase themselves; an administrator does it for who asks the clinic."""

    name, model = "erase_patient", Patient

    @classmethod
    def rule(cls, user: User) -> Q:
        return Q() if user.is_superuser else Q(user=user)


def is_administrator(user: Actor) -> bool:
    """May change bundles, re-queue failed clips, make versions of protocols and consent texts."""
    return isinstance(user, User) and user.is_active and user.is_superuser
