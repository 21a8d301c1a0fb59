"""The Celery application; its configuration stands in the settings under CELERY_*."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings.development")

app = Celery("mimia")
app.config_from_object("django.conf:settings", namespace="CELERY")
# The current application is per thread; this one is every thread's.
app.set_default()
app.autodiscover_tasks()
