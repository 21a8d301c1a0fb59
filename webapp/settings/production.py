"""Behind a TLS proxy, secrets from the environment, nothing defaulted that must be chosen."""

from webapp.settings.base import *

DEBUG = False
DEMO_ACCOUNTS = False
SECRET_KEY = env("MIMIA_SECRET_KEY")
#: The keys before it, while it is being replaced: what they signed and sealed is still taken.
SECRET_KEY_FALLBACKS = env.list("MIMIA_SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS = env.list("MIMIA_ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = env.bool("MIMIA_SSL_REDIRECT", default=True)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = env.int("MIMIA_HSTS_SECONDS", default=31_536_000)
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
# A browser takes cookies of these names only over TLS and only from this very host, so that none of
# the clinic's other hosts can plant one.
SESSION_COOKIE_NAME = "__Host-sessionid"
CSRF_COOKIE_NAME = "__Host-csrftoken"
KNOWN_BROWSER_COOKIE_NAME = "__Host-known_browser"
STAFF_SECOND_FACTOR = env.bool("MIMIA_STAFF_SECOND_FACTOR", default=True)
EMAIL_CONFIG = env.email_url("EMAIL_URL")
vars().update(EMAIL_CONFIG)
# HSTS for subdomains and preload lists: other hosts of the clinic's domain are not ours to decide.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
