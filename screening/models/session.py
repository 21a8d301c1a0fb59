"""One screening: its intake, its clips and the uploads that bring them."""

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from screening import containers
from screening.models.base import Row
from screening.models.people import Patient, Site, User
from screening.models.protocol import Consent, Protocol, ProtocolStep

#: What a browser says of its file is kept in our own words, or not at all.
IS_CONTAINER = models.Q(mime_type__in=[containers.NOT_SAID, *containers.CONTAINERS])


class Course(Row):
    """The sessions of one patient within some days, read together: they measure one person.

    ``revision`` counts what has changed about them; ``computed`` is the revision that the person's
    result was computed for. Where they differ, it is due.
    """

    #: Nobody has tried to compute its result: so it starts, and again whenever something changed.
    UNTRIED: ClassVar = {"attempts": 0, "attempt_after": None}

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="courses")
    protocol = models.ForeignKey(
        Protocol,
        on_delete=models.PROTECT,
        related_name="courses",
        help_text="What its first session follows; it says how many there are.",
    )
    opened_at = models.DateTimeField(editable=False)
    closes_at = models.DateTimeField(editable=False)
    revision = models.PositiveIntegerField(default=0, editable=False)
    computed = models.PositiveIntegerField(default=0, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    attempt_after = models.DateTimeField(
        null=True, editable=False, help_text="After an attempt to compute it: not before then."
    )

    class Meta(Row.Meta):
        ordering = ["-opened_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(closes_at__gt=models.F("opened_at")),
                name="course_ends_after_it_began",
            )
        ]

    def __str__(self) -> str:
        return f"course of {self.patient} from {self.opened_at:%Y-%m-%d}"


class Screening(Row):
    """A session of one patient. States and transitions: DESIGN, guarded in ``services``."""

    class State(models.TextChoices):
        DRAFT = "draft", "in preparation"
        SUBMITTED = "submitted", "submitted"
        NEEDS_RERECORD = "needs_rerecord", "needs a new recording"
        SCORED = "scored", "scored"
        RELEASED = "released", "released"
        WITHDRAWN = "withdrawn", "withdrawn"

    #: Nobody has tried to assess it: so it starts, and again when somebody did something about it.
    UNTRIED: ClassVar = {"assess_attempts": 0, "assess_after": None}

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="screenings")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="screenings")
    protocol = models.ForeignKey(Protocol, on_delete=models.PROTECT, related_name="screenings")
    consent = models.ForeignKey(Consent, on_delete=models.PROTECT, related_name="screenings")
    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="screenings")
    state = models.CharField(
        max_length=20, choices=State.choices, default=State.DRAFT, editable=False, db_index=True
    )
    is_phantom = models.BooleanField(
        default=False, editable=False, help_text="A drawn face, not a person: demo and self-test."
    )
    bundle = models.ForeignKey(
        "screening.ModelBundle",
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="screenings",
        help_text="Pinned when the screening is submitted.",
    )
    submitted_at = models.DateTimeField(null=True, editable=False)
    scored_at = models.DateTimeField(null=True, editable=False)
    released_at = models.DateTimeField(null=True, editable=False)
    released_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, editable=False, related_name="+"
    )
    withdrawn_at = models.DateTimeField(null=True, editable=False)
    assess_attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    assess_after = models.DateTimeField(
        null=True, editable=False, help_text="After an attempt to assess it: not again before then."
    )
    rerecord_note = models.TextField(
        blank=True, help_text="What the clinician asks of the patient, as the patient reads it."
    )

    class Meta(Row.Meta):
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(state__in=["submitted", "scored", "released"])
                | models.Q(submitted_at__isnull=False, bundle__isnull=False),
                name="submitted_screening_has_time_and_bundle",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="released") | models.Q(released_at__isnull=False),
                name="released_screening_has_time",
            ),
            models.UniqueConstraint(
                fields=["patient"],
                condition=models.Q(state="draft"),
                name="one_draft_per_patient",
            ),
        ]

    def __str__(self) -> str:
        return f"screening of {self.patient}, {self.created_at:%Y-%m-%d}"


class Intake(Row):
    """What else can still a face. Every answer may be left open (null).

    The fields' names are what a clinician reads; what patients are asked is on their form.
    """

    class Sex(models.TextChoices):
        FEMALE = "female", "female"
        MALE = "male", "male"
        OTHER = "other", "other"

    screening = models.OneToOneField(Screening, on_delete=models.CASCADE, related_name="intake")
    age_years = models.PositiveSmallIntegerField(
        "age", null=True, blank=True, validators=[MinValueValidator(18), MaxValueValidator(120)]
    )
    sex = models.CharField(max_length=10, choices=Sex.choices, blank=True)
    known_pd = models.BooleanField("known Parkinson’s disease", null=True, blank=True)
    pd_medication = models.BooleanField("medication for PD", null=True, blank=True)
    hours_since_dose = models.FloatField(
        "hours since the last dose",
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(72)],
    )
    deep_brain_stimulation = models.BooleanField(null=True, blank=True)
    facial_palsy = models.BooleanField(null=True, blank=True)
    stroke = models.BooleanField(null=True, blank=True)
    botulinum = models.BooleanField("botulinum in the face, 6 months", null=True, blank=True)
    depression = models.BooleanField("depression, treated", null=True, blank=True)
    glasses = models.BooleanField(null=True, blank=True)
    beard = models.BooleanField(null=True, blank=True)

    def __str__(self) -> str:
        return f"intake of {self.screening}"


class Clip(Row):
    """One take of one step. A re-recording is a new row; this one becomes *superseded*."""

    class State(models.TextChoices):
        EXPECTED = "expected", "not recorded yet"
        UPLOADING = "uploading", "uploading"
        RECEIVED = "received", "received"
        MEASURING = "measuring", "being measured"
        MEASURED = "measured", "measured"
        UNUSABLE = "unusable", "unusable"
        FAILED = "failed", "failed"
        SKIPPED = "skipped", "skipped"
        SUPERSEDED = "superseded", "replaced by a new recording"

    #: Nothing more will happen to a clip in one of these by itself.
    TERMINAL = (State.MEASURED, State.UNUSABLE, State.FAILED, State.SKIPPED)
    #: The bytes are in the store and whole.
    STORED = (State.RECEIVED, State.MEASURING, State.MEASURED, State.UNUSABLE, State.FAILED)

    screening = models.ForeignKey(Screening, on_delete=models.CASCADE, related_name="clips")
    step = models.ForeignKey(ProtocolStep, on_delete=models.PROTECT, related_name="clips")
    take = models.PositiveSmallIntegerField(default=1, editable=False)
    state = models.CharField(
        max_length=20, choices=State.choices, default=State.EXPECTED, editable=False, db_index=True
    )
    reason = models.CharField(
        max_length=40, blank=True, editable=False, help_text="Why it is unusable or failed: a code."
    )
    skip_reason = models.CharField(max_length=200, blank=True)

    storage_key = models.CharField(max_length=200, blank=True, editable=False)
    playback_key = models.CharField(
        max_length=200, blank=True, editable=False, help_text="The derived copy reviewers play."
    )
    mime_type = models.CharField(max_length=100, blank=True, editable=False)
    size = models.PositiveBigIntegerField(null=True, editable=False)
    sha256 = models.CharField(max_length=64, blank=True, editable=False)
    announced = models.JSONField(
        default=dict,
        editable=False,
        help_text="What the browser said: seconds, frames, cues [{at, kind}], interrupted, camera.",
    )
    received_at = models.DateTimeField(null=True, editable=False)
    file_removed_at = models.DateTimeField(
        null=True, editable=False, help_text="Replaced long ago: its file was removed by rule."
    )

    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    claimed_until = models.DateTimeField(
        null=True, editable=False, help_text="A worker holds this clip, or it rests, until then."
    )
    claimed_at = models.DateTimeField(
        null=True, editable=False, help_text="When a worker took it last: the patient's turn."
    )
    measured_at = models.DateTimeField(null=True, editable=False)

    class Meta(Row.Meta):
        ordering = ["screening", "step__order", "take"]
        # The store's survey asks whose a file is, a page of keys at a time.
        indexes = [
            models.Index(fields=["storage_key"], name="clip_by_storage_key"),
            models.Index(fields=["playback_key"], name="clip_by_playback_key"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["screening", "step"],
                condition=~models.Q(state="superseded"),
                name="one_current_clip_per_step",
            ),
            models.CheckConstraint(
                condition=~models.Q(
                    state__in=["received", "measuring", "measured", "unusable", "failed"]
                )
                | (~models.Q(storage_key="") & ~models.Q(sha256="") & models.Q(size__isnull=False)),
                name="received_clip_has_a_verified_file",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["unusable", "failed"]) | ~models.Q(reason=""),
                name="unusable_clip_has_a_reason",
            ),
            models.CheckConstraint(condition=IS_CONTAINER, name="clip_type_is_a_container"),
        ]

    def __str__(self) -> str:
        return f"clip {self.id}"


class Upload(Row):
    """A resumable upload (tus 1.0) of one clip. Its length is unknown while it is recorded."""

    class State(models.TextChoices):
        OPEN = "open", "open"
        COMPLETED = "completed", "completed"
        TERMINATED = "terminated", "terminated"

    clip = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="uploads")
    state = models.CharField(
        max_length=20, choices=State.choices, default=State.OPEN, editable=False
    )
    offset = models.PositiveBigIntegerField(default=0, editable=False)
    length = models.PositiveBigIntegerField(null=True, editable=False)
    mime_type = models.CharField(max_length=100, blank=True, editable=False)
    expires_at = models.DateTimeField(editable=False)

    class Meta(Row.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["clip"], condition=models.Q(state="open"), name="one_open_upload_per_clip"
            ),
            models.CheckConstraint(
                condition=models.Q(length__isnull=True) | models.Q(offset__lte=models.F("length")),
                name="upload_offset_within_length",
            ),
            models.CheckConstraint(condition=IS_CONTAINER, name="upload_type_is_a_container"),
        ]

    def __str__(self) -> str:
        return f"upload {self.id}"


class UploadChunk(Row):
    """One stored piece of an upload: an object of its own, counted only once the offset moved."""

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="chunks")
    offset = models.PositiveBigIntegerField(editable=False)
    size = models.PositiveBigIntegerField(editable=False)
    storage_key = models.CharField(max_length=200, editable=False)

    class Meta(Row.Meta):
        ordering = ["offset"]
        indexes = [models.Index(fields=["storage_key"], name="chunk_by_storage_key")]
        constraints = [
            models.UniqueConstraint(fields=["upload", "offset"], name="one_chunk_per_offset")
        ]

    def __str__(self) -> str:
        return f"chunk at {self.offset}"
