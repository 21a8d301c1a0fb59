"""Known changes of what a person may follow reach their sockets at once.

Whatever is changed without a signal (an ``update`` of many rows, another program) is found within
seconds all the same: hubs ask again by themselves.
"""

from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from screening.live.push import person_changed
from screening.models import Membership, Patient, User


def _tell(user_id: int | None) -> None:
    if user_id is not None:
        transaction.on_commit(lambda: person_changed(user_id))


@receiver(post_save, sender=User)
def user_saved(instance: User, created: bool, update_fields: Any = None, **_: Any) -> None:
    """A new password, a deactivation. Logging in is no change."""
    if not created and set(update_fields or ()) != {"last_login"}:
        _tell(instance.pk)


@receiver([post_save, post_delete], sender=Membership)
def membership_changed(instance: Membership, **_: Any) -> None:
    _tell(instance.user_id)


@receiver(post_save, sender=Patient)
def patient_saved(instance: Patient, **_: Any) -> None:
    _tell(instance.user_id)


@receiver(post_delete, sender=Session)
def session_ended(instance: Session, **_: Any) -> None:
    """Logged out, here or from elsewhere."""
    user_id = instance.get_decoded().get(SESSION_KEY)
    _tell(int(user_id) if user_id else None)
