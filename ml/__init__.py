"""The science of Mimia: a clip becomes measured signs, a session becomes an assessment.

Knows nothing of Django and works alone: ``python -m ml …``, or from a notebook. The two doors are
:func:`ml.measuring.clip.measure_clip` and :func:`ml.scoring.assessment.assess`.
"""
