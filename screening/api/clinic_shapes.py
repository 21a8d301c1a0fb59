"""The shapes of the API for a clinic: invitations, comparison of bundles, events."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers as s

from screening.models import Invitation
from screening.services.comparison import Line


class InvitationIn(s.Serializer):
    site = s.UUIDField()
    name = s.CharField(max_length=120)
    email = s.EmailField(allow_blank=True, default="")


class InvitationOut(s.ModelSerializer):
    patient = s.CharField(source="patient.pseudonym")
    name = s.CharField(source="patient.name")

    class Meta:
        model = Invitation
        fields = [
            "id",
            "site",
            "patient",
            "name",
            "email",
            "created_at",
            "expires_at",
            "accepted_at",
            "revoked_at",
        ]


class InvitationMade(InvitationOut):
    """With the link, which is shown once."""

    link = s.CharField(read_only=True)
    was_mailed = s.BooleanField(
        read_only=True,
        allow_null=True,
        help_text="Whether the mail with the link went; null where no address was given.",
    )

    class Meta(InvitationOut.Meta):
        fields = [*InvitationOut.Meta.fields, "link", "was_mailed"]


class AgreementOut(s.Serializer):
    bundle = s.CharField(source="bundle.name")
    version = s.CharField(source="bundle.version")
    digest = s.CharField(source="bundle.digest")
    status = s.CharField(source="bundle.status")
    graded = s.IntegerField(help_text="Screenings with a clinician's grade and a result.")
    abstained = s.IntegerField()
    pairs = s.IntegerField(help_text="Pairs of screenings with different grades.")
    in_order = s.FloatField(help_text="Pairs in the clinicians' order; ties count half.")
    share = s.FloatField(allow_null=True, help_text="0.5 is chance.")
    distance = s.FloatField(allow_null=True, help_text="Mean |expected grade − grade|.")
    trained_on = s.IntegerField(
        help_text="More screenings, not counted: a compared bundle was trained on these people."
    )


class AnswerOut(s.Serializer):
    hypomimia_index = s.FloatField(allow_null=True)
    severity_expected = s.FloatField(allow_null=True)
    p_pd = s.FloatField(allow_null=True)
    abstained = s.CharField(allow_null=True)


class ComparisonLine(s.Serializer):
    screening = s.UUIDField(source="screening.pk")
    patient = s.CharField(source="screening.patient.pseudonym")
    grade = s.IntegerField()
    trained_on = s.BooleanField()
    answers = s.SerializerMethodField()

    @extend_schema_field(s.DictField(child=AnswerOut(), help_text="By the bundle's digest."))
    def get_answers(self, line: Line) -> dict[str, Any]:
        digests = self.context["digests"]
        return {
            digests[key]: AnswerOut(answer).data
            for key, answer in line.answers.items()
            if key in digests
        }


class ComparisonOut(s.Serializer):
    bundles = AgreementOut(many=True)
    screenings = ComparisonLine(many=True, help_text="Empty over all sites.")


class EventOut(s.Serializer):
    number = s.IntegerField()
    kind = s.CharField()
    data = s.DictField(child=s.JSONField())  # type: ignore[assignment]
    at = s.DateTimeField(source="created_at")


class EventsOut(s.Serializer):
    stream = s.CharField()
    last = s.IntegerField()
    complete = s.BooleanField(
        help_text="False: what followed the number asked for is gone; read everything anew."
    )
    events = EventOut(many=True)
