"""The statement that a patient reads: no grade, no unhedged diagnosis, something to do."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from screening.statements.pd import HIDDEN, Lean, Shown, read_pd
from screening.statements.reading import Movement, Reading, read
from screening.statements.sentences import sentence, statement
from vocabulary.assessment import Assessment
from vocabulary.person import PersonResult
from vocabulary.statement import Sentence, Statement


def for_patient(
    result: Assessment,
    person: PersonResult | None = None,
    *,
    pd: Shown = HIDDEN,
    is_worse: bool = False,
) -> Statement:
    """``person``: the patient's result over several sessions, this one among them; ``pd``: whether
    the site shows patients the probability of PD, and this bundle's is worth it; ``is_worse``: the
    person is shown to move less than at first."""
    reading, abstained = read(result, person), result["abstained"] is not None
    if reading.movement is None or (abstained and person is None):
        return statement(None, [*_no_result(), *_limits()])
    said = [] if abstained else _pd(result, pd)
    leans_to_pd = any(one["code"] == f"pd_{Lean.PD}" for one in said)
    return statement(
        reading,
        [
            *_movement(reading.movement, reading),
            *_certainty(reading),
            *said,
            *_surer(reading),
            _next(reading.movement, to_doctor=leans_to_pd or is_worse),
            *_limits(),
        ],
    )


def unreadable() -> Statement:
    """In place of a released result that this version of the site cannot read."""
    kept = _(
        "Your result is kept, but it cannot be shown at the moment. This says nothing about your"
        " health."
    )
    return statement(
        None,
        [
            sentence("movement", "unreadable", kept),
            sentence("next", "next_ask", _("Please ask your clinic.")),
        ],
    )


def _no_result() -> list[Sentence]:
    none = _(
        "These recordings do not allow a result that we would stand behind. This says nothing about"
        " your health."
    )
    again = _(
        "You can record again in your next screening. Light on your face and a camera at the height"
        " of your eyes help most."
    )
    return [
        sentence("movement", "no_result", none),
        sentence("next", "next_record_again", again),
    ]


def _movement(movement: Movement, reading: Reading) -> list[Sentence]:
    words = {
        Movement.MUCH_LESS: _(
            "Your face moved clearly less than the faces of most people without Parkinson’s"
            " disease do."
        ),
        Movement.LESS: _(
            "Your face moved less than the faces of most people without Parkinson’s disease do."
        ),
        Movement.USUAL: _("Your face moved as is usual among people without Parkinson’s disease."),
        Movement.UNCLEAR_LESS: _(
            "It is not clear yet whether your face moves less than is usual among people without"
            " Parkinson’s disease: perhaps it does."
        ),
        Movement.UNCLEAR_USUAL: _(
            "Your face seems to move as is usual among people without Parkinson’s disease, but this"
            " is not clear yet."
        ),
    }
    said = [sentence("movement", f"movement_{movement}", words[movement])]
    if reading.index is not None:
        scale = _(
            "Your number is %(value)d. At 50 a face moves as the middle of people without"
            " Parkinson’s disease do; at 90 nine of ten of them move more."
        )
        said.append(sentence("movement", "movement_scale", scale % reading.index))
    return said


def _certainty(reading: Reading) -> list[Sentence]:
    index = reading.index
    if index is None:
        return []
    if index["low"] is None or index["high"] is None:
        unknown = _(
            "How much your number would differ in another session is not known. Take it as a rough"
            " one."
        )
        return [sentence("certainty", "certainty_unknown", unknown)]
    band = {"count": index["sessions"], "low": index["low"], "high": index["high"]}
    said = [
        sentence(
            "certainty",
            "certainty_band",
            ngettext(
                "It comes from %(count)d session, and the next one may well come out differently:"
                " nine times out of ten your number would lie between %(low)d and %(high)d.",
                "It comes from %(count)d sessions. As many again would give a number between"
                " %(low)d and %(high)d nine times out of ten.",
                index["sessions"],
            )
            % band,
        )
    ]
    if reading.is_scattered:
        differ = _(
            "Your sessions differ more from each other than those of other people do. That is why"
            " the range is so wide."
        )
        said.append(sentence("certainty", "certainty_scattered", differ))
    return said


def _pd(result: Assessment, pd: Shown) -> list[Sentence]:
    found = read_pd(result) if pd.is_shown and pd.holds else None
    if found is None or found.low is None or found.high is None:
        return []
    numbers = {"value": found.value, "low": found.low, "high": found.high}
    if found.lean is Lean.NEITHER:
        words = _(
            "The computer’s estimate of the probability of Parkinson’s disease decides nothing for"
            " you: %(value)d %%, and anything from %(low)d %% to %(high)d %% fits as well. It is"
            " for research and can be wrong."
        )
    else:
        words = _(
            "The computer’s estimate of the probability of Parkinson’s disease is %(value)d %%;"
            " anything from %(low)d %% to %(high)d %% fits as well. It is for research and can be"
            " wrong; only a doctor who meets you can tell."
        )
    return [sentence("pd", f"pd_{found.lean}", words % numbers)]


def _surer(reading: Reading) -> list[Sentence]:
    if reading.more is None or reading.movement is None or reading.movement.is_shown:
        return []
    words = ngettext(
        "%(count)d more session would make it surer: your number would then be known to within"
        " about %(half)d points.",
        "%(count)d more sessions would make it surer: your number would then be known to within"
        " about %(half)d points.",
        reading.more.sessions,
    )
    numbers = {"count": reading.more.sessions, "half": reading.more.half}
    return [sentence("surer", "surer_sessions", words % numbers)]


def _next(movement: Movement, *, to_doctor: bool) -> Sentence:
    if to_doctor or movement in (Movement.LESS, Movement.MUCH_LESS):
        words = _(
            "Please show this to your doctor. A face can move little for many reasons: tiredness,"
            " low mood, medicines, or simply your way."
        )
        return sentence("next", "next_doctor", words)
    if movement is Movement.USUAL:
        words = _(
            "You need not do anything because of this result. It does not rule anything out: if"
            " something worries you, ask your doctor."
        )
        return sentence("next", "next_nothing", words)
    words = _(
        "Please do another session when it suits you, or ask your clinic when. If something worries"
        " you, ask your doctor."
    )
    return sentence("next", "next_session", words)


def _limits() -> list[Sentence]:
    words = _("This is not a diagnosis. Only a doctor who meets you can say what it means.")
    return [sentence("limits", "limits_no_diagnosis", words)]
