"""One voice: what a result says, to its patient and to a clinician, in sentences that agree.

Pure functions of the typed result; only here are a result's numbers put into words.
"""

from screening.statements.clinician import for_clinician
from screening.statements.course import for_course
from screening.statements.patient import for_patient, unreadable

__all__ = ["for_clinician", "for_course", "for_patient", "unreadable"]
