"""One machine, one command, no secrets: for trying Mimia out and for working on it."""

from webapp.settings.base import *

DEBUG = env.bool("MIMIA_DEBUG", default=True)
DEMO_ACCOUNTS = True
SECRET_KEY = "development-only-not-a-secret"  # noqa: S105
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", "testserver"]
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
# A passkey can be tried without TLS at http://localhost (browsers take no bare IP address).
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True
