"""Backups: a consistent copy while people upload, and back into an empty installation.

The database first, then the recordings that it names: what arrives in between is in the next
backup, and no row of this one is without its file.
"""

from screening.services.backups.making import Made, make, write_erasures
from screening.services.backups.restoring import Restored, restore, verify

__all__ = ["Made", "Restored", "make", "restore", "verify", "write_erasures"]
