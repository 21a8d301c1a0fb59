"""The domain's rows. Transitions live in ``screening.services``; nothing here decides."""

from screening.models.accounts import AttemptCounter
from screening.models.exports import CohortExport, ExportedClip
from screening.models.journal import AccessEvent, AuditEntry, Event, EventStream, Viewing
from screening.models.people import Invitation, Membership, Patient, Site, User
from screening.models.protocol import (
    Consent,
    ConsentForm,
    Protocol,
    ProtocolStep,
    Scope,
)
from screening.models.results import (
    Assessment,
    BundleFile,
    ClipMeasurement,
    CourseResult,
    ModelBundle,
    Review,
)
from screening.models.session import Clip, Course, Intake, Screening, Upload, UploadChunk
from screening.models.storage import Installation, QuarantinedObject, StoreSurvey

__all__ = [
    "AccessEvent",
    "Assessment",
    "AttemptCounter",
    "AuditEntry",
    "BundleFile",
    "Clip",
    "ClipMeasurement",
    "CohortExport",
    "Consent",
    "ConsentForm",
    "Course",
    "CourseResult",
    "Event",
    "EventStream",
    "ExportedClip",
    "Installation",
    "Intake",
    "Invitation",
    "Membership",
    "ModelBundle",
    "Patient",
    "Protocol",
    "ProtocolStep",
    "QuarantinedObject",
    "Review",
    "Scope",
    "Screening",
    "Site",
    "StoreSurvey",
    "Upload",
    "UploadChunk",
    "User",
    "Viewing",
]
