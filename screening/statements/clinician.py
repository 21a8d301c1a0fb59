"""The statement that a clinician reads: what was found, how sure, what to do with the patient."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from screening.statements.pd import HIDDEN, Lean, Probability, Shown, read_pd
from screening.statements.reading import Movement, Reading, read
from screening.statements.sentences import sentence, statement
from vocabulary.assessment import Assessment
from vocabulary.expressions import title_of
from vocabulary.person import PersonResult
from vocabulary.statement import Sentence, Statement


def for_clinician(
    result: Assessment,
    person: PersonResult | None = None,
    *,
    pd: Shown = HIDDEN,
    is_worse: bool = False,
) -> Statement:
    """``person``: the patient's result over several sessions, this one among them; ``pd``: whether
    the bundle's probability of PD is shown, and what it was found to be worth; ``is_worse``: the
    person is shown to move less than at first."""
    reading, abstained = read(result, person), result["abstained"]
    if reading.movement is None or (abstained is not None and person is None):
        return statement(None, _no_result(abstained))
    return statement(
        reading,
        [
            _movement(reading.movement),
            *_certainty(reading),
            *([_left_alone(abstained)] if abstained else [*_grade(reading), *_pd(result, pd)]),
            *_surer(reading, result["missing"]),
            _next(reading.movement, is_worse=is_worse),
            sentence("limits", "limits_research", _("Research use. Not a diagnosis.")),
        ],
    )


def _no_result(reason: str | None) -> list[Sentence]:
    """For each reason what happened, and what to do."""
    known, why = _why(reason)
    what_next = {
        "model_uncertain": _(
            "Rate item 3.2 from the recordings yourself, and ask for another session."
        ),
        "poor_capture": _(
            "Ask the patient to record again, with other programs closed and more light."
        ),
    }
    other = _("Ask the patient to record again what could not be used.")
    return [
        sentence("movement", f"no_result_{known}", why),
        sentence("next", f"next_{known}", what_next.get(known, other)),
        sentence("limits", "limits_research", _("Research use. Not a diagnosis.")),
    ]


def _why(reason: str | None) -> tuple[str, str]:
    """The code of an abstention, or of what comes nearest, and its words."""
    words = {
        "no_usable_expression": _(
            "No result to rely on: none of the recordings that it needs could be used."
        ),
        "missing_expressions": _(
            "No result to rely on: too few of the expressions that the model reads could be used."
        ),
        "poor_capture": _(
            "No result to rely on: most recordings lost many pictures, so their numbers are off."
        ),
        "model_uncertain": _(
            "No result to rely on: the parts of the model disagree about this session."
        ),
    }
    known = reason if reason in words else "no_usable_expression"
    return known, words[known]


def _left_alone(reason: str) -> Sentence:
    """Of this session, where others of the person stand."""
    words = _("This session by itself is left out of what is said of grade and PD. %(why)s")
    known, why = _why(reason)
    return sentence("certainty", f"certainty_{known}", words % {"why": why})


def _movement(movement: Movement) -> Sentence:
    words = {
        Movement.MUCH_LESS: _(
            "Facial movement is clearly reduced: less than in three of four people without PD, over"
            " the whole band."
        ),
        Movement.LESS: _(
            "Facial movement is reduced: less than in most people without PD, over the whole band."
        ),
        Movement.USUAL: _("Facial movement is as usual among people without PD."),
        Movement.UNCLEAR_LESS: _(
            "Reduced facial movement is suspected, not shown: usual movement fits as well."
        ),
        Movement.UNCLEAR_USUAL: _(
            "Reduced facial movement is not shown, nor ruled out: usual movement fits best."
        ),
    }
    return sentence("movement", f"movement_{movement}", words[movement])


def _certainty(reading: Reading) -> list[Sentence]:
    index = reading.index
    if index is None:
        return []
    numbers = {**index, "count": index["sessions"], "mean": reading.mean}
    if index["low"] is None or index["high"] is None:
        words = _(
            "The hypomimia index reads %(value)d of 100. How well it repeats is not known for this"
            " model, so take one reading as rough."
        )
        return [sentence("certainty", "certainty_unknown", words % numbers)]
    said = []
    if index["sessions"] == 1:
        words = _(
            "One session is a rough measurement: it read %(mean)d, and the person’s own"
            " hypomimia index is put at %(value)d of 100, nine times out of ten between %(low)d and"
            " %(high)d."
        )
        said.append(sentence("certainty", "certainty_one", words % numbers))
    else:
        words = _(
            "Over %(count)d sessions the person’s hypomimia index is %(value)d of 100; as many"
            " again would read between %(low)d and %(high)d nine times out of ten."
        )
        said.append(sentence("certainty", "certainty_sessions", words % numbers))
    if reading.is_scattered:
        words = _(
            "This person’s sessions scatter more than those of others, which widens the band: look"
            " for a reason, such as medication or capture."
        )
        said.append(sentence("certainty", "certainty_scattered", words))
    if reading.repeats is not None:
        words = _("The band comes from people who were recorded more than once: %(name)s.")
        said.append(sentence("certainty", "certainty_source", words % {"name": reading.repeats}))
    return said


def _grade(reading: Reading) -> list[Sentence]:
    grade = reading.grade
    if grade is None:
        words = _("This model gives no grade of MDS-UPDRS item 3.2.")
        return [sentence("grade", "grade_none", words)]
    numbers = {"value": grade.value, "low": grade.low, "high": grade.high}
    if grade.is_experimental:
        code, words = (
            "grade_experimental",
            _(
                "The grade of MDS-UPDRS item 3.2 that goes with it is %(value).1f (%(low).1f to"
                " %(high).1f), learnt from drawn faces: an experiment, no rating."
            ),
        )
    else:
        code, words = (
            "grade_learnt",
            _(
                "Clinicians would be expected to grade MDS-UPDRS item 3.2 as %(value).1f (%(low).1f"
                " to %(high).1f)."
            ),
        )
    said = [sentence("grade", code, words % numbers)]
    if grade.is_aside:
        words = _("Grade and movement do not agree here: go by the movement.")
        said.append(sentence("grade", "grade_aside", words))
    return said


def _pd(result: Assessment, pd: Shown) -> list[Sentence]:
    found = read_pd(result)
    if found is None:
        return []
    if not pd.is_shown:
        return [_hidden(pd)]
    said = [_said(found)]
    if not pd.holds:
        words = _(
            "It is shown because your site asks for it, and does not hold outside the data that it"
            " was trained on as far as anybody knows: decide nothing by it."
        )
        said.append(sentence("pd", "pd_weak", words))
    elif found.lean is not Lean.NEITHER:
        words = _(
            "This is another question than how much the face moves: it can move little without PD,"
            " and well with it."
        )
        said.append(sentence("pd", "pd_another_question", words))
    return said


def _hidden(pd: Shown) -> Sentence:
    travel = pd.travel
    ranking = travel and (travel.get("off_table") or travel.get("protocols"))
    if not ranking:
        words = _(
            "No probability of PD is shown: nobody has measured whether this model’s holds outside"
            " the data that it was trained on."
        )
        return sentence("pd", "pd_untested", words)
    words = _(
        "No probability of PD is shown: outside the data that it was trained on, this model’s does"
        " not rank people better than the index alone (AUROC %(p_pd).2f against %(index).2f)."
    )
    return sentence("pd", "pd_hidden", words % ranking)


def _said(found: Probability) -> Sentence:
    numbers = {
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "prevalence": found.prevalence,
    }
    if found.low is None or found.prevalence is None:
        words = _(
            "The model for PD gives a probability of %(value)d %%, and does not say how sure it is:"
            " it decides nothing."
        )
    elif found.lean is Lean.NEITHER:
        words = _(
            "The model for PD decides nothing: %(value)d %% (%(low)d to %(high)d %%), where"
            " %(prevalence)d %% of those screened have PD."
        )
    elif found.lean is Lean.PD:
        words = _(
            "The model leans to PD: %(value)d %% (%(low)d to %(high)d %%), where %(prevalence)d %%"
            " of those screened have it."
        )
    else:
        words = _(
            "The model leans to no PD: %(value)d %% (%(low)d to %(high)d %%), where %(prevalence)d"
            " %% of those screened have it."
        )
    return sentence("pd", f"pd_{found.lean}", words % numbers)


def _surer(reading: Reading, missing: list[str]) -> list[Sentence]:
    said = []
    if missing:
        names = ", ".join(title_of(name).lower() for name in missing)
        words = _(
            "It would be surer with what is missing, which was left out, not guessed: %(names)s."
        )
        said.append(sentence("surer", "surer_missing", words % {"names": names}))
    if reading.more is not None:
        words = ngettext(
            "%(count)d more session would narrow the index to ± %(half)d points.",
            "%(count)d more sessions would narrow the index to ± %(half)d points.",
            reading.more.sessions,
        )
        numbers = {"count": reading.more.sessions, "half": reading.more.half}
        said.append(sentence("surer", "surer_sessions", words % numbers))
    return said


def _next(movement: Movement, *, is_worse: bool) -> Sentence:
    if is_worse or movement in (Movement.LESS, Movement.MUCH_LESS):
        words = _(
            "Rate item 3.2 from the recordings, and look for other reasons in the intake (low mood,"
            " palsy, botulinum, medication) before you think of PD."
        )
        return sentence("next", "next_rate", words)
    if movement is Movement.USUAL:
        words = _(
            "Nothing here calls for action by itself, and nothing here rules PD out: go by your"
            " examination."
        )
        return sentence("next", "next_nothing", words)
    words = _(
        "Rate item 3.2 from the recordings, and ask for further sessions before you conclude."
    )
    return sentence("next", "next_sessions", words)
