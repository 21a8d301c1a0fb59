"""Who is who: users, clinics, members of a clinic, patients and the invitations that bring them."""

import secrets
from typing import ClassVar

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from screening.models.base import Row

# No vowels (no words), no 0/O or 1/I (read aloud on the telephone).
PSEUDONYM_ALPHABET = "23456789BCDFGHJKMNPQRSTVWXYZ"


def new_pseudonym() -> str:
    """A patient's code for logs, exports and the worklist, such as ``P-7F3KQ2``."""
    return "P-" + "".join(secrets.choice(PSEUDONYM_ALPHABET) for _ in range(6))


class UserManager(BaseUserManager["User"]):
    """Users are known by their e-mail address; there is no user name to forget."""

    use_in_migrations = True

    def create_user(self, email: str, password: str | None = None, **fields: object) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str, **fields: object) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractUser):
    username = None  # type: ignore[assignment]
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    name = models.CharField(max_length=120, blank=True)
    email = models.EmailField(unique=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()  # type: ignore[assignment,misc]

    def __str__(self) -> str:
        return self.email


class Site(Row):
    """A clinic: it invites patients, reviews their screenings and sets its own policy."""

    class ReleasePolicy(models.TextChoices):
        AFTER_REVIEW = "after_review", "after a clinician's review"
        AT_ONCE = "at_once", "as soon as it is scored"

    name = models.CharField(max_length=120, unique=True)
    contact = models.CharField(
        max_length=200,
        blank=True,
        help_text="Whom a patient may call or write to, as they read it.",
    )
    release_policy = models.CharField(
        max_length=20, choices=ReleasePolicy.choices, default=ReleasePolicy.AFTER_REVIEW
    )
    patients_see_p_pd = models.BooleanField(
        "patients see the probability of PD",
        default=False,
        help_text="Off by default: a probability without a clinician beside it frightens or lulls.",
    )
    clinicians_see_weak_p_pd = models.BooleanField(
        "clinicians see a probability of PD that is not shown to hold",
        default=False,
        help_text="Off: a model’s probability of PD is shown only where it ranked people outside"
        " its own data better than the index did. On: clinicians see it all the same, marked.",
    )
    pd_prevalence = models.FloatField(
        "share of people with PD among those screened here",
        null=True,
        blank=True,
        validators=[MinValueValidator(0.001), MaxValueValidator(0.999)],
        help_text="Empty: the share in the model's training data is kept.",
    )
    protocol = models.ForeignKey(
        "screening.Protocol",
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The protocol that new courses follow.",
    )
    course_days = models.PositiveSmallIntegerField(
        "days of a course",
        default=14,
        validators=[MinValueValidator(1), MaxValueValidator(90)],
        help_text="Sessions of a patient within so many days are read together.",
    )

    def __str__(self) -> str:
        return self.name


class Membership(Row):
    """A user's role at a clinic."""

    class Role(models.TextChoices):
        CLINICIAN = "clinician", "clinician"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices, default=Role.CLINICIAN)

    class Meta(Row.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["user", "site"], name="one_membership_per_user_and_site"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} at {self.site}"


class Patient(Row):
    """A person who is screened. After erasure only the pseudonym is left."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="patients")
    user = models.OneToOneField(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="patient"
    )
    name = models.CharField(max_length=120, blank=True)
    pseudonym = models.CharField(max_length=12, unique=True, default=new_pseudonym, editable=False)
    erased_at = models.DateTimeField(null=True, blank=True, editable=False)
    erasure_proven_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When the store was listed again and held nothing of this patient.",
    )

    def __str__(self) -> str:
        return self.pseudonym


class Invitation(Row):
    """A one-time link. Only the token's hash is kept, so a leaked table opens no door."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="invitations")
    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField(blank=True)
    token_sha256 = models.CharField(max_length=64, unique=True, editable=False)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    #: Whether the mail went, for whoever made this one just now: no column, None when unknown.
    was_mailed: bool | None = None

    def __str__(self) -> str:
        return f"invitation of {self.patient}"
