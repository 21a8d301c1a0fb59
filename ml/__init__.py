"""The science of Mimia: a clip becomes measured signs, a session becomes an assessment.

Knows nothing of Django and works alone: ``python -m ml …``. ``ml.pipeline`` is the only door the
workers use.
"""
