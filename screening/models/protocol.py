"""What is asked of the patient: consent texts and protocols, versioned and frozen once used."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from screening.models.base import Row
from screening.models.people import Patient
from vocabulary.expressions import ASKED, Expression


def expression_choices() -> list[tuple[str, str]]:
    """Each expression that may be asked for, with its title; a function, so that a new one needs no
    migration."""
    return [(str(expression), expression.entry.title) for expression in ASKED]


class Scope(models.TextChoices):
    """What a patient may allow. Care is the screening itself; the others are free."""

    CARE = "care", "care"
    RESEARCH = "research", "research"
    TRAINING = "training", "training of models"


class ConsentForm(Row):
    """One version of the consent text. The newest published one is current."""

    version = models.PositiveIntegerField(unique=True)
    title = models.CharField(max_length=200)
    text = models.TextField(help_text="Plain paragraphs, separated by an empty line.")
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta(Row.Meta):
        ordering = ["-version"]

    def __str__(self) -> str:
        return f"consent text, version {self.version}"


class Consent(Row):
    """A patient accepted one version of the text, with these scopes. Evidence: never changed."""

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="consents")
    form = models.ForeignKey(ConsentForm, on_delete=models.PROTECT, related_name="consents")
    scopes = models.JSONField(help_text="A list of: care, research, training.")
    withdrawn_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta(Row.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["patient"],
                condition=models.Q(withdrawn_at__isnull=True),
                name="one_standing_consent_per_patient",
            )
        ]

    def __str__(self) -> str:
        return f"consent of {self.patient}"


class Protocol(Row):
    """A versioned list of steps, and how many sessions make a course that begins with it. A version
    that a screening has used cannot change."""

    slug = models.SlugField(max_length=40)
    version = models.PositiveIntegerField(default=1)
    name = models.CharField(max_length=120)
    follow_up = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="What the further sessions of a course follow; empty: this one again.",
    )
    least_sessions = models.PositiveSmallIntegerField(
        "sessions of a course", default=3, validators=[MinValueValidator(1)]
    )
    most_sessions = models.PositiveSmallIntegerField(
        "at most", default=5, validators=[MinValueValidator(1), MaxValueValidator(20)]
    )

    class Meta(Row.Meta):
        ordering = ["slug", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["slug", "version"], name="one_protocol_per_version"),
            models.CheckConstraint(
                condition=models.Q(least_sessions__gte=1)
                & models.Q(most_sessions__gte=models.F("least_sessions")),
                name="course_has_at_least_one_session",
                violation_error_message="A course has one session at least, and not more at least"
                " than at most.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} (version {self.version})"


class ProtocolStep(Row):
    """One recording: an expression, how long, how often, and the words that ask for it."""

    protocol = models.ForeignKey(Protocol, on_delete=models.CASCADE, related_name="steps")
    order = models.PositiveSmallIntegerField()
    expression = models.CharField(max_length=20, choices=expression_choices)
    seconds = models.PositiveSmallIntegerField(
        default=10, validators=[MinValueValidator(3), MaxValueValidator(60)]
    )
    repetitions = models.PositiveSmallIntegerField(
        default=3,
        validators=[MaxValueValidator(10)],
        help_text="How often the expression is made; 0 for a resting face.",
    )
    instruction = models.TextField()

    # Recording begins neutral for a second, so that every onset can be seen.
    NEUTRAL_SECONDS = 1.0

    class Meta(Row.Meta):
        ordering = ["order"]
        constraints = [
            models.UniqueConstraint(fields=["protocol", "order"], name="one_step_per_place"),
            models.UniqueConstraint(
                fields=["protocol", "expression"], name="one_step_per_expression"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.protocol} · {self.expression}"

    @property
    def cue(self) -> str:
        """The large word while the expression is to be made."""
        return Expression(self.expression).entry.asking.cue

    def cues(self) -> list[dict[str, float | str]]:
        """When the page says *make* and *relax*: ``[{"at": seconds, "kind": "make"}, …]``."""
        if not self.repetitions:
            return []
        period = (self.seconds - self.NEUTRAL_SECONDS) / self.repetitions
        return [
            {"at": round(self.NEUTRAL_SECONDS + (n + share) * period, 3), "kind": kind}
            for n in range(self.repetitions)
            for share, kind in ((0.0, "make"), (0.5, "relax"))
        ]
