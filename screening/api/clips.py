"""API: one clip: its state and its signals; skip it or record it again."""

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from screening.api import present, serializers
from screening.api.base import View, describe
from screening.errors import NotFound, UnreadableResult
from screening.models import Clip, Viewing
from screening.permissions import RecordClip, ReviewClip, ViewClip
from screening.services import assessing, clips, results
from vocabulary.assessment import Curve


class OneClip(View):
    @describe("A clip and its state", answer=serializers.ClipOut, errors=[404])
    def get(self, request: Request, pk: UUID) -> Response:
        clip = self.clip(ViewClip, pk)
        self.note_view(Viewing.CLIP, clip.screening, clip)
        return Response(present.clip(clip))


class Skip(View):
    @describe(
        "Leave this expression out",
        takes=serializers.SkipIn,
        answer=serializers.ClipOut,
        errors=[400, 404, 409, 422],
    )
    def post(self, request: Request, pk: UUID) -> Response:
        clip = self.clip(RecordClip, pk)
        reason = self.validated(serializers.SkipIn, request)["reason"]
        return Response(present.clip(clips.skip(by=self.user, clip=clip, reason=reason)))


class Rerecord(View):
    @describe(
        "Record again: a new clip takes the place of this one",
        answer=serializers.ClipOut,
        status=201,
        errors=[404, 409],
    )
    def post(self, request: Request, pk: UUID) -> Response:
        clip = self.clip(RecordClip, pk)
        return Response(present.clip(clips.rerecord(by=self.user, clip=clip)), status=201)


class Measurement(View):
    @describe(
        "Signals, quality and curve of a clip, for clinicians",
        answer=serializers.MeasurementOut,
        errors=[404, 409],
    )
    def get(self, request: Request, pk: UUID) -> Response:
        clip = self.clip(ReviewClip, pk)
        rows = clip.measurements.filter(clip_sha256=clip.sha256).order_by("-created_at")
        found = rows.first()
        if found is None:
            raise NotFound("This clip was not measured yet.")
        self.note_view(Viewing.MEASUREMENT, clip.screening, clip)
        body = {
            "clip": clip.pk,
            "expression": clip.step.expression,
            "state": found.state,
            "measurement": results.read_measurement(found),
            "curve": _curve(clip),
        }
        return Response(body)


def _curve(clip: Clip) -> Curve | None:
    """This clip's intensity curve in the newest assessment, where that can be read."""
    found = assessing.latest(clip.screening)
    if found is None:
        return None
    try:
        reports = results.read(found)["clips"]
    except UnreadableResult:
        return None
    own = (one["curve"] for one in reports if one["expression"] == clip.step.expression)
    return next(own, None)
