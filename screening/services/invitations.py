"""Patients come by invitation: a one-time link, of which only the hash is kept."""

import hashlib
import logging
import secrets
from datetime import timedelta

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone

from screening.errors import Conflict, Gone, Invalid, NotFound, WrongState
from screening.models import Invitation, Patient, Site, User
from screening.permissions import ManageInvitation, WorkAtSite
from screening.services import access, events

logger = logging.getLogger(__name__)

DAYS = 14
# No health word: a mail may be read over a shoulder or by a provider.
SUBJECT = "Your invitation"
BODY = """\
{site} invites you to an online appointment that you can do at home, in your own time.

Please open this link to begin. It is meant for you alone and is valid until {until:%d %B %Y}:

{link}

If you did not expect this message, you need not do anything.
"""


def path(token: str) -> str:
    """The page that a token opens, relative to the site's address."""
    return f"/invitation/{token}/"


def invite(
    *, by: User, site: Site, name: str, email: str = "", base_url: str = ""
) -> tuple[Invitation, str]:
    """Make a patient record and a link for it; mail the link when there is an address.

    ``base_url`` is the site's own address (``https://host``). The token is returned once and never
    again; ``was_mailed`` of the invitation says whether the mail went. Raises NotAllowed, Invalid.
    """
    access.require(WorkAtSite, by, site)
    name, email = name.strip(), email.strip().lower()
    if not name:
        raise Invalid("Please enter the patient's name.", code="name_missing")
    if email:
        _check_email(email)
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        patient = Patient.objects.create(site=site, name=name)
        invitation = Invitation.objects.create(
            site=site,
            patient=patient,
            email=email,
            token_sha256=_hash(token),
            created_by=by,
            expires_at=timezone.now() + timedelta(days=DAYS),
        )
        events.audit(by=by, action="invitation.made", target=invitation, patient=patient.pseudonym)
        if email and base_url:
            link = base_url.rstrip("/") + path(token)
            transaction.on_commit(lambda: _send(invitation, link))
    return invitation, token


def find(*, token: str) -> Invitation:
    """The open invitation of a token. Raises NotFound, or Gone with the reason in words."""
    rows = Invitation.objects.select_related("site", "patient")
    invitation = rows.filter(token_sha256=_hash(token)).first()
    if invitation is None:
        raise NotFound("This invitation does not exist. Please check the link.")
    if invitation.accepted_at:
        raise Gone("This invitation was used already. Please log in instead.", code="used")
    if invitation.revoked_at:
        raise Gone("This invitation was withdrawn. Please ask your clinic.", code="revoked")
    if invitation.expires_at <= timezone.now():
        raise Gone("This invitation has expired. Please ask your clinic for a new one.")
    return invitation


def accept(*, token: str, email: str, password: str) -> User:
    """Make the patient's account. Raises NotFound, Gone, Invalid, Conflict (address in use)."""
    invitation = find(token=token)
    email = email.strip().lower()
    _check_email(email)
    try:
        validate_password(password, User(email=email, name=invitation.patient.name))
    except ValidationError as wrong:
        raise Invalid(" ".join(wrong.messages), code="password") from wrong
    taken = Conflict("There is an account with this address already.", code="email_in_use")
    try:
        with transaction.atomic():
            open_ones = Invitation.objects.filter(
                pk=invitation.pk, accepted_at__isnull=True, revoked_at__isnull=True
            )
            if not open_ones.update(accepted_at=timezone.now()):
                raise Gone("This invitation was used already. Please log in instead.", code="used")
            if User.objects.filter(email__iexact=email).exists():
                raise taken
            user = User.objects.create_user(email, password, name=invitation.patient.name)
            Patient.objects.filter(pk=invitation.patient_id).update(user=user)
            events.audit(by=user, action="invitation.accepted", target=invitation)
    except IntegrityError as raced:
        raise taken from raced
    return user


def revoke(*, by: User, invitation: Invitation) -> Invitation:
    """Close an unused link. Raises NotAllowed, WrongState (used or revoked already)."""
    access.require(ManageInvitation, by, invitation)
    with transaction.atomic():
        rows = Invitation.objects.filter(
            pk=invitation.pk, accepted_at__isnull=True, revoked_at__isnull=True
        )
        if not rows.update(revoked_at=timezone.now()):
            raise WrongState("This invitation was used or withdrawn already.")
        events.audit(by=by, action="invitation.revoked", target=invitation)
    invitation.refresh_from_db()
    return invitation


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _check_email(email: str) -> None:
    try:
        validate_email(email)
    except ValidationError as wrong:
        raise Invalid("This is not an e-mail address.", code="email") from wrong


def _send(invitation: Invitation, link: str) -> None:
    body = BODY.format(site=invitation.site.name, until=invitation.expires_at, link=link)
    try:
        send_mail(SUBJECT, body, None, [invitation.email])
        invitation.was_mailed = True
    except OSError as error:
        invitation.was_mailed = False
        # The clinician has the link on the page; the invitation itself stands. Only the kind of
        # error is logged: a mail server's answer repeats the address.
        logger.error("could not send invitation %s: %s", invitation.pk, type(error).__name__)
