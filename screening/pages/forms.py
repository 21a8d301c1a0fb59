"""The forms that patients and clinicians fill in on paper-like pages."""

from typing import Any

from django import forms

from screening.models import Intake

YES_NO = [("yes", "Yes"), ("no", "No"), ("", "No answer")]

#: Field of the intake → the question as a patient reads it, and a line of help.
QUESTIONS: dict[str, tuple[str, str]] = {
    "known_pd": ("Has a doctor told you that you have Parkinson’s disease?", ""),
    "pd_medication": ("Do you take medicine for Parkinson’s disease?", ""),
    "deep_brain_stimulation": ("Do you have a deep brain stimulator?", ""),
    "facial_palsy": ("Have you ever had a facial palsy?", "One side of the face did not move."),
    "stroke": ("Have you had a stroke?", ""),
    "botulinum": (
        "Have you had botulinum injections in the face in the last six months?",
        "For example Botox.",
    ),
    "depression": ("Are you treated for depression at present?", ""),
    "glasses": ("Are you wearing glasses now?", ""),
    "beard": ("Do you have a beard?", ""),
}


class AcceptForm(forms.Form):
    """An invited patient makes an account."""

    email = forms.EmailField(
        label="Your e-mail address",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    password = forms.CharField(
        label="Choose a password",
        strip=False,
        help_text="At least 12 characters. A few words in a row are easy to remember.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class InviteForm(forms.Form):
    """A clinician invites a patient."""

    name = forms.CharField(
        label="Patient’s name",
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    email = forms.EmailField(
        label="E-mail address (optional)",
        required=False,
        help_text="The link is sent there. The message says nothing about health.",
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )


class DoseForm(forms.Form):
    """What changes from one session of a course to the next."""

    hours_since_dose = forms.FloatField(
        label="If you take medicine for Parkinson’s: how many hours ago was the last dose?",
        required=False,
        min_value=0,
        max_value=72,
        widget=forms.NumberInput(attrs={"class": "short", "inputmode": "decimal", "step": "0.5"}),
    )

    def answers(self) -> dict[str, Any]:
        """The cleaned answers as ``screenings.save_intake`` takes them; open ones are null."""
        return dict(self.cleaned_data)


class IntakeForm(DoseForm):
    """What else can still a face. Every question may be left open."""

    age_years = forms.IntegerField(
        label="Your age",
        required=False,
        min_value=18,
        max_value=120,
        widget=forms.NumberInput(attrs={"class": "short", "inputmode": "numeric"}),
    )
    sex = forms.ChoiceField(
        label="Your sex",
        required=False,
        choices=[("", "I would rather not say"), *Intake.Sex.choices],
        widget=forms.RadioSelect,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, (question, help_text) in QUESTIONS.items():
            self.fields[name] = forms.ChoiceField(
                label=question,
                help_text=help_text,
                required=False,
                choices=YES_NO,
                widget=forms.RadioSelect,
            )

    def questions(self) -> list[forms.BoundField]:
        """The yes-or-no questions, in order."""
        return [self[name] for name in QUESTIONS]

    def answers(self) -> dict[str, Any]:
        """The cleaned answers as ``screenings.save_intake`` takes them; open ones are null."""
        given = dict(self.cleaned_data)
        words = {"yes": True, "no": False, "": None}
        return {**given, **{name: words[given[name]] for name in QUESTIONS}}


def intake_initial(intake: Intake | None) -> dict[str, Any]:
    """A kept intake as the form shows it."""
    if intake is None:
        return {}
    words = {True: "yes", False: "no", None: ""}
    return {
        "age_years": intake.age_years,
        "sex": intake.sex,
        "hours_since_dose": intake.hours_since_dose,
        **{name: words[getattr(intake, name)] for name in QUESTIONS},
    }
