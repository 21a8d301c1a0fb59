"""The API, one address a line."""

from django.urls import path

from screening.api import clips, index, media, models, people, screenings
from screening.uploads import tus

urlpatterns = [
    path("", index.Index.as_view(), name="api-index"),
    path("me/", people.Me.as_view(), name="api-me"),
    path("me/active/", people.Active.as_view(), name="api-active"),
    path("consent-forms/current/", people.CurrentConsentForm.as_view(), name="api-consent-form"),
    path("consents/", people.Consents.as_view(), name="api-consents"),
    path("consents/withdraw/", people.WithdrawConsent.as_view(), name="api-consent-withdraw"),
    path("invitations/", people.Invitations.as_view(), name="api-invitations"),
    path(
        "invitations/<uuid:pk>/revoke/",
        people.RevokeInvitation.as_view(),
        name="api-invitation-revoke",
    ),
    path("sites/<uuid:pk>/worklist/", people.Worklist.as_view(), name="api-worklist"),
    path(
        "sites/<uuid:pk>/comparison/", models.SiteComparison.as_view(), name="api-site-comparison"
    ),
    path("comparison/", models.Comparison.as_view(), name="api-comparison"),
    path("events/", people.Events.as_view(), name="api-events"),
    path("screenings/", screenings.Screenings.as_view(), name="api-screenings"),
    path("screenings/<uuid:pk>/", screenings.OneScreening.as_view(), name="api-screening"),
    path("screenings/<uuid:pk>/intake/", screenings.IntakeOf.as_view(), name="api-intake"),
    path("screenings/<uuid:pk>/submit/", screenings.Submit.as_view(), name="api-submit"),
    path("screenings/<uuid:pk>/withdraw/", screenings.Withdraw.as_view(), name="api-withdraw"),
    path("screenings/<uuid:pk>/release/", screenings.Release.as_view(), name="api-release"),
    path(
        "screenings/<uuid:pk>/request-rerecord/",
        screenings.RequestRerecord.as_view(),
        name="api-request-rerecord",
    ),
    path("screenings/<uuid:pk>/course/", screenings.CourseOf.as_view(), name="api-course"),
    path("screenings/<uuid:pk>/reviews/", screenings.Reviews.as_view(), name="api-reviews"),
    path(
        "screenings/<uuid:pk>/assessment/",
        screenings.AssessmentOf.as_view(),
        name="api-assessment",
    ),
    path("clips/<uuid:pk>/", clips.OneClip.as_view(), name="api-clip"),
    path("clips/<uuid:pk>/skip/", clips.Skip.as_view(), name="api-clip-skip"),
    path("clips/<uuid:pk>/rerecord/", clips.Rerecord.as_view(), name="api-clip-rerecord"),
    path("clips/<uuid:pk>/video/", media.Video.as_view(), name="api-clip-video"),
    path("clips/<uuid:pk>/address/", media.FilmAddress.as_view(), name="api-clip-address"),
    path("clips/<uuid:pk>/media/<str:token>/", media.Film.as_view(), name="api-clip-media"),
    path("clips/<uuid:pk>/measurement/", clips.Measurement.as_view(), name="api-clip-measurement"),
    path("clips/<uuid:pk>/uploads/", tus.Creation.as_view(), name="api-uploads"),
    path("uploads/<uuid:pk>/", tus.OneUpload.as_view(), name="api-upload"),
    path("uploads/<uuid:pk>/complete/", tus.Complete.as_view(), name="api-upload-complete"),
]
