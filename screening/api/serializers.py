"""The shapes of the API: what comes in is validated here, what goes out is described here.

Answers are plain dictionaries from ``present``; their serializers exist for the schema, and a test
holds the two against each other.
"""

import math
from typing import Any, ClassVar, get_args

from django.db import models
from rest_framework import serializers as s

from screening.api.shapes import ShapeField
from screening.models import Clip, ConsentForm, Intake, Scope, Screening
from screening.services.screenings import INTAKE_FIELDS
from vocabulary import assessment as shape
from vocabulary.course import CourseResult, Medication
from vocabulary.person import PersonChange
from vocabulary.statement import Sentence, Statement


class Finite(s.FloatField):
    """DRF takes “NaN” and “inf” for numbers; no JSON, and so no answer, can hold them."""

    def to_internal_value(self, data: Any) -> float:
        number: float = super().to_internal_value(data)
        if not math.isfinite(number):
            self.fail("invalid")
        return number


class Error(s.Serializer):
    code = s.CharField()
    detail = s.CharField()


# --- who ----------------------------------------------------------------------------------------
class MeUser(s.Serializer):
    id = s.IntegerField()
    email = s.CharField()
    name = s.CharField(allow_blank=True)


class Named(s.Serializer):
    id = s.UUIDField()
    name = s.CharField()


class MePatient(s.Serializer):
    id = s.UUIDField()
    pseudonym = s.CharField()


class Me(s.Serializer):
    user = MeUser()
    role = s.ChoiceField(["patient", "clinician", "admin"])
    patient = MePatient(allow_null=True)
    sites = Named(many=True)
    csrf = s.CharField()


# --- consent ------------------------------------------------------------------------------------
class ConsentFormOut(s.ModelSerializer):
    class Meta:
        model = ConsentForm
        fields = ["id", "version", "title", "text", "published_at"]


class ConsentOut(s.Serializer):
    id = s.UUIDField()
    created_at = s.DateTimeField()
    withdrawn_at = s.DateTimeField(allow_null=True)
    form_version = s.IntegerField(source="form.version")
    scopes = s.ListField(child=s.ChoiceField(Scope.choices))


class ConsentIn(s.Serializer):
    form = s.UUIDField(help_text="The id of the text that was read.")
    scopes = s.ListField(child=s.CharField(max_length=20), max_length=10)


# --- screening ----------------------------------------------------------------------------------
class IntakeInOut(s.ModelSerializer):
    serializer_field_mapping: ClassVar = {
        **s.ModelSerializer.serializer_field_mapping,
        models.FloatField: Finite,
    }

    class Meta:
        model = Intake
        fields = list(INTAKE_FIELDS)


class PatientOut(s.Serializer):
    pseudonym = s.CharField()
    name = s.CharField(allow_null=True, help_text="For clinicians only.")


class SiteOut(s.Serializer):
    id = s.UUIDField()
    name = s.CharField()
    contact = s.CharField(allow_blank=True)


class ScreeningLine(s.Serializer):
    id = s.UUIDField()
    state = s.ChoiceField(Screening.State.choices)
    state_words = s.CharField()
    is_delayed = s.BooleanField(help_text="Measured, and the result does not come by itself.")
    is_phantom = s.BooleanField()
    created_at = s.DateTimeField()
    submitted_at = s.DateTimeField(allow_null=True)
    scored_at = s.DateTimeField(allow_null=True)
    released_at = s.DateTimeField(allow_null=True)
    patient = PatientOut()
    site = SiteOut()


class WorklistLine(ScreeningLine):
    clips = s.DictField(child=s.IntegerField(), help_text="How many clips are in which state.")
    hypomimia_index = s.FloatField(allow_null=True)
    abstained = s.CharField(allow_null=True)
    reviews = s.IntegerField()


class ProtocolOut(s.Serializer):
    slug = s.CharField()
    version = s.IntegerField()
    name = s.CharField()


class Cue(s.Serializer):
    at = Finite(help_text="Seconds from the start of the recording.")
    kind = s.CharField(max_length=20)


class CueOut(s.Serializer):
    at = s.FloatField(help_text="Seconds from the start of the recording.")
    kind = s.ChoiceField(["make", "relax"])


class WordsOut(s.Serializer):
    title = s.CharField()
    advice = s.CharField()


class UploadOut(s.Serializer):
    id = s.UUIDField()
    offset = s.IntegerField()
    length = s.IntegerField(allow_null=True)


class ClipOut(s.Serializer):
    id = s.UUIDField()
    screening = s.UUIDField()
    expression = s.CharField()
    take = s.IntegerField()
    state = s.ChoiceField(Clip.State.choices)
    state_words = s.CharField()
    reason = s.CharField(allow_null=True)
    words = WordsOut(allow_null=True)
    skip_reason = s.CharField(allow_blank=True)
    seconds = s.FloatField(allow_null=True)
    size = s.IntegerField(allow_null=True)
    upload = UploadOut(allow_null=True)
    video_url = s.CharField(allow_null=True)
    video_plays = s.BooleanField(
        help_text="Whether a page may show it; what no decoder has read is only given to be saved."
    )


class StepOut(s.Serializer):
    id = s.UUIDField()
    order = s.IntegerField()
    expression = s.CharField()
    title = s.CharField()
    cue = s.CharField(help_text="The word to show and to say while it is to be made.")
    instruction = s.CharField()
    seconds = s.IntegerField()
    repetitions = s.IntegerField()
    cues = CueOut(many=True)
    clip = ClipOut(allow_null=True)


class BundleName(s.Serializer):
    name = s.CharField()
    version = s.CharField()


class SeenOut(s.Serializer):
    expression = s.CharField()
    title = s.CharField()
    words = s.CharField()


class PatientResult(s.Serializer):
    statement = ShapeField(Statement)
    seen = SeenOut(many=True)
    missing = s.ListField(child=s.CharField())
    bundle = BundleName()
    contact = s.CharField(allow_blank=True)


class CourseSessionOut(s.Serializer):
    screening = s.UUIDField()
    is_this = s.BooleanField(help_text="The one that was asked about.")
    at = s.DateTimeField(help_text="When it was handed in.")
    medication = s.ChoiceField(get_args(Medication))
    medication_words = s.CharField()
    hours_since_dose = s.FloatField(allow_null=True)
    counts = s.BooleanField(help_text="Whether it is part of the person’s result.")
    why_not = s.CharField(allow_blank=True)
    hypomimia_index = s.FloatField(allow_null=True)


class CoursePointOut(s.Serializer):
    """One course beside the others, for each medication that is read apart."""

    course = s.UUIDField()
    is_this = s.BooleanField()
    opened_at = s.DateTimeField()
    model = s.CharField()
    medication = s.ChoiceField(get_args(Medication))
    medication_words = s.CharField()
    value = s.FloatField(allow_null=True)
    low = s.FloatField(allow_null=True)
    high = s.FloatField(allow_null=True)
    mean = s.FloatField(allow_null=True, help_text="Of its sessions alone: what is compared.")
    sessions = s.IntegerField()
    change = ShapeField(PersonChange, allow_null=True)


class CourseOut(s.Serializer):
    id = s.UUIDField()
    opened_at = s.DateTimeField()
    closes_at = s.DateTimeField()
    least = s.IntegerField(help_text="Sessions that the clinic asks for.")
    most = s.IntegerField()
    sessions = CourseSessionOut(many=True)
    is_due = s.BooleanField(help_text="The person’s result of these sessions is on its way.")
    result = ShapeField(CourseResult, allow_null=True)
    sentences = ShapeField(list[Sentence])
    courses = CoursePointOut(many=True, help_text="The oldest first.")


class ScreeningOut(ScreeningLine):
    course = s.UUIDField()
    protocol = ProtocolOut()
    rerecord_note = s.CharField(allow_blank=True)
    steps = StepOut(many=True)
    intake = IntakeInOut(allow_null=True)
    result = PatientResult(allow_null=True)
    next = s.ChoiceField(["consent", "intake", "record", "wait", "result"])


class RerecordIn(s.Serializer):
    steps = s.ListField(child=s.CharField(max_length=20), min_length=1, max_length=20)
    note = s.CharField(max_length=2000, allow_blank=True, default="")


class ReviewIn(s.Serializer):
    grade = s.IntegerField(allow_null=True, min_value=0, max_value=4)
    note = s.CharField(max_length=10_000, allow_blank=True, default="")


class ReviewOut(s.Serializer):
    id = s.UUIDField()
    grade = s.IntegerField(allow_null=True)
    note = s.CharField(allow_blank=True)
    reviewer = s.CharField(source="reviewer.name")
    signed_off_at = s.DateTimeField()
    assessment = s.UUIDField(source="assessment_id", allow_null=True)


class BundleOut(BundleName):
    digest = s.CharField()
    sources = s.JSONField()


class IntervalOut(s.Serializer):
    value = s.FloatField()
    low = s.FloatField()
    high = s.FloatField()


class SecondOpinion(s.Serializer):
    bundle = BundleName()
    p_pd = s.FloatField(
        allow_null=True, help_text="Of drawn people who moved like this, the share drawn with PD."
    )
    p_pd_lstm = s.FloatField(allow_null=True, help_text="The same, by the course alone.")
    abstained_words = s.CharField(allow_null=True)
    auroc = IntervalOut(allow_null=True, help_text="Of drawn people that it had not seen.")


class AssessmentOut(s.Serializer):
    id = s.UUIDField()
    created_at = s.DateTimeField()
    bundle = BundleOut()
    measurements_digest = s.CharField()
    statement = ShapeField(Statement, help_text="What the result says, for a clinician.")
    result = ShapeField(shape.Assessment)
    second_opinions = SecondOpinion(
        many=True, help_text="Experimental: by shadows that learnt from drawn people."
    )


# --- clips --------------------------------------------------------------------------------------
class SkipIn(s.Serializer):
    reason = s.CharField(max_length=200)


class AddressOut(s.Serializer):
    url = s.CharField()
    seconds = s.IntegerField(help_text="How long from now it is good.")
    plays = s.BooleanField(help_text="Whether a page may show it; else it can only be saved.")


class MeasurementOut(s.Serializer):
    clip = s.UUIDField()
    expression = s.CharField()
    state = s.CharField()
    measurement = ShapeField(shape.Measurement)
    curve = ShapeField(
        shape.Curve, allow_null=True, help_text="From the newest assessment, if there is one."
    )


class AnnouncedIn(s.Serializer):
    """What the browser says about its recording; the measuring compares it with the file."""

    seconds = Finite(min_value=0, max_value=3600, allow_null=True, required=False)
    frames = s.IntegerField(min_value=0, max_value=1_000_000, allow_null=True, required=False)
    cues = Cue(many=True, required=False)
    interrupted = s.BooleanField(required=False)
    mime_type = s.CharField(max_length=100, allow_blank=True, required=False)
    camera = s.JSONField(required=False, allow_null=True)


class CompleteIn(s.Serializer):
    size = s.IntegerField(min_value=0)
    sha256 = s.CharField(max_length=64)
    announced = AnnouncedIn(required=False)
