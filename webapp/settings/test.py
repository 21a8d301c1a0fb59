"""The development settings, quicker passwords, and files that vanish with the tests."""

import atexit
import os
import shutil
import tempfile

if "MIMIA_VAR" not in os.environ:
    os.environ["MIMIA_VAR"] = tempfile.mkdtemp(prefix="mimia-test-")
    atexit.register(shutil.rmtree, os.environ["MIMIA_VAR"], ignore_errors=True)

from webapp.settings.development import *

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, as in production: an in-memory database has other locks, and one thread.
    DATABASES["default"]["TEST"] = {"NAME": str(VAR / "test.sqlite3")}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEBUG = False
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = {
    **STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# A machine that tests may be nearly full.
RESERVE_BYTES = 32 * 1024 * 1024
