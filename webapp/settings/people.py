"""Settings of people's accounts: how they sign in, for how long, and what they are asked for."""

import environ

env = environ.Env()

AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "screening.accounts.passwords.LengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "screening.accounts.passwords.GuessableValidator"},
]
SESSION_ENGINE = "screening.sessions"
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_ADAPTER = "screening.accounts.adapter.AccountAdapter"
# Passwords have limits of their own (screening/accounts/limits.py); what is left here is allauth's
# way to count codes of a second factor, by account. Nothing can be guessed with a passkey.
ACCOUNT_RATE_LIMITS = {
    "login": None,
    "login_failed": "5/5m/key",
    "reset_password": "20/m/ip,5/h/key",
}
MFA_RATE_LIMITS = {"webauthn_login": "60/m/ip"}
#: How many proxies of ours stand before the site: each adds one address to X-Forwarded-For, and
#: what stands left of theirs was written by the asker.
TRUSTED_PROXIES = env.int("MIMIA_TRUSTED_PROXIES", default=0)
KNOWN_BROWSER_COOKIE_NAME = "known_browser"
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
# One address at a time: a new one takes the old one's place once it is confirmed; the old is told.
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
# Nobody is written to because a stranger typed their address.
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
# A link in a mailbox is a key that lies about.
PASSWORD_RESET_TIMEOUT = 3600
ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS = 1
ACCOUNT_FORMS = {"reset_password": "screening.accounts.forms.ResetPasswordForm"}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Mimia"
MFA_TOTP_TOLERANCE = 1
MFA_ADAPTER = "screening.accounts.adapter.FactorAdapter"
# Accounts come from invitations and from administrators: nobody can take an address in advance.
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_FORMS = {"add_webauthn": "screening.accounts.forms.AddPasskeyForm"}
#: Clinicians and administrators must show a second factor (always, in production).
STAFF_SECOND_FACTOR = env.bool("MIMIA_STAFF_SECOND_FACTOR", default=False)
#: They are signed out when they did nothing for so long; 0: never.
STAFF_IDLE_SECONDS = 60 * env.int("MIMIA_STAFF_IDLE_MINUTES", default=30)
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "home"
ACCOUNT_EMAIL_SUBJECT_PREFIX = "Mimia · "
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_HTTPONLY = False
# In the session: a cookie of its own would need the same care as the session's.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
#: How long one answer of the mail server may take: somebody waits for the page meanwhile.
EMAIL_TIMEOUT = env.float("MIMIA_MAIL_SECONDS", default=5.0)
DEFAULT_FROM_EMAIL = env("MIMIA_FROM_EMAIL", default="Mimia <noreply@localhost>")
