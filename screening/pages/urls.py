"""The pages' addresses, one a line."""

from django.urls import path

from screening.pages import clinic, patient, people

urlpatterns = [
    path("", people.home, name="home"),
    path("invitation/<str:token>/", people.invitation, name="invitation"),
    path("consent/", people.consent, name="consent"),
    path("consent/withdraw/", people.withdraw_consent, name="withdraw_consent"),
    path("erase/", people.erase, name="erase"),
    path("screenings/", patient.screenings_page, name="screenings"),
    path("screenings/<uuid:key>/", patient.screening, name="screening"),
    path("screenings/<uuid:key>/intake/", patient.intake, name="intake"),
    path("screenings/<uuid:key>/record/", patient.record, name="record"),
    path("screenings/<uuid:key>/withdraw/", patient.withdraw, name="withdraw_screening"),
    path("clinic/", clinic.worklist, name="worklist"),
    path("clinic/invite/", clinic.invite, name="invite"),
    path("clinic/models/", clinic.models, name="models"),
    path("clinic/screenings/<uuid:key>/", clinic.case, name="case"),
]
