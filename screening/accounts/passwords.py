"""What a password must be: long enough, not endless, and not among the first that are guessed.

No rule about kinds of characters: those make passwords that are forgotten, not ones that are safe.
Lengths follow OWASP's ASVS (2.1.1, 2.1.2); several spaces in a row count as one, but the password
itself is never altered.
"""

import re
from typing import Any, cast

from allauth.account.signals import password_changed, password_set
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.password_validation import validate_password
from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import ValidationError
from django.dispatch import receiver
from django.http import HttpRequest
from zxcvbn import zxcvbn

from screening.models import User

LEAST, MOST = 12, 128
#: zxcvbn's estimate, 0 to 4; below this a password falls to its first million guesses.
LEAST_SCORE = 2
#: What anybody would try here first.
OUR_WORDS = ["mimia", "hypomimia", "parkinson", "screening", "clinic", "patient"]
#: The estimate's time grows with the square of the length.
LOOKED_AT = 64
#: Whose password this session knows to be one that would not be taken today.
GUESSABLE_OF = "guessable_password_of"


class LengthValidator:
    """Twelve characters at least, 128 at most."""

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        if len(re.sub(r" {2,}", " ", password)) < LEAST:
            raise ValidationError(
                f"This password is too short. It must have at least {LEAST} characters; several "
                "spaces in a row count as one.",
                code="password_too_short",
            )
        if len(password) > MOST:
            raise ValidationError(
                f"This password is too long. {MOST} characters are the most.",
                code="password_too_long",
            )

    def get_help_text(self) -> str:
        return f"Your password must have at least {LEAST} characters."


class GuessableValidator:
    """Refuses what lists of stolen passwords, keyboards and names lead to (zxcvbn, offline)."""

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        own = [part for name in ("email", "name") for part in _words(getattr(user, name, ""))]
        found = zxcvbn(password[:LOOKED_AT], user_inputs=[*OUR_WORDS, *own])
        if found["score"] < LEAST_SCORE:
            raise ValidationError(
                "This password is easy to guess: it is, or is made of, one that many people use. "
                "A few unusual words in a row are better.",
                code="password_too_common",
            )

    def get_help_text(self) -> str:
        return "A few unusual words in a row are hard to guess and easy to remember."


def note(session: SessionBase, user: AbstractBaseUser, password: str) -> None:
    """A right password was typed: would it be taken today? If not, the session says so."""
    try:
        validate_password(password, cast(User, user))
    except ValidationError:
        session[GUESSABLE_OF] = user.pk
    else:
        session.pop(GUESSABLE_OF, None)


def is_guessable(session: SessionBase, user: AbstractBaseUser) -> bool:
    """Whether this session owes a new password. One that was set by an earlier rule may."""
    return bool(session.get(GUESSABLE_OF) == user.pk)


@receiver(password_changed)
@receiver(password_set)
def renewed(sender: Any, request: HttpRequest, **_: Any) -> None:
    request.session.pop(GUESSABLE_OF, None)


def _words(text: str) -> list[str]:
    return [text, *re.findall(r"\w{3,}", text)] if text else []
