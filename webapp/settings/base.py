"""Settings shared by every way to run Mimia. What differs comes from environment variables.

The two topologies are one code path: SQLite, memory queue, memory channel layer and a local folder
unless DATABASE_URL, REDIS_URL and MIMIA_S3_BUCKET say otherwise.
"""

from pathlib import Path
from typing import Any

import environ

from webapp import outward
from webapp.settings.people import *
from webapp.settings.published import *

ROOT = Path(__file__).resolve().parents[2]
env = environ.Env()
VAR = Path(env("MIMIA_VAR", default=str(ROOT / "var")))
VAR.mkdir(parents=True, exist_ok=True)

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "screening",
    "worker",
]

MIDDLEWARE = [
    "screening.middleware.FaultsInWords",
    "screening.inputs.OnlyText",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "webapp.headers.HeadersMiddleware",
    "webapp.headers.MethodsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "screening.accounts.middleware.AccountsMiddleware",
]

ROOT_URLCONF = "webapp.urls"
ASGI_APPLICATION = "webapp.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# --- data ---------------------------------------------------------------------------------------
DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{VAR / 'mimia.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # FULL: what was confirmed outlives a power cut; the browser deletes its copy then. What is
        # deleted or changed is overwritten too, not only marked as free.
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;"
        ),
    }
elif DATABASES["default"]["ENGINE"].endswith("postgresql"):
    DATABASES["default"].setdefault("OPTIONS", {}).update(outward.postgresql())
#: The longest statement of a request; a wait for a lock is half as long (PostgreSQL).
STATEMENT_SECONDS = env.float("MIMIA_STATEMENT_SECONDS", default=30.0)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "screening.User"
# allauth's limits and used codes, the same for all processes. In the database: log-in must not
# depend on Redis, and nothing else is cached. A migration makes the table.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "screening_cache",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    }
}

S3_BUCKET = env("MIMIA_S3_BUCKET", default="")
CLIP_STORAGE: dict[str, Any]
if S3_BUCKET:
    CLIP_STORAGE = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": S3_BUCKET,
            "endpoint_url": env("MIMIA_S3_ENDPOINT", default=None),
            "access_key": env("MIMIA_S3_ACCESS_KEY", default=None),
            "secret_key": env("MIMIA_S3_SECRET_KEY", default=None),
            "region_name": env("MIMIA_S3_REGION", default="us-east-1"),
            "file_overwrite": True,
            "default_acl": None,
            # How long one answer of the store may take; it is asked twice at most.
            **outward.s3(env.float("MIMIA_STORE_SECONDS", default=8.0)),
        },
    }
else:
    CLIP_STORAGE = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(VAR / "clips"), "base_url": None},
    }
#: Where browsers reach the store themselves; then they get the store's own signed addresses.
S3_PUBLIC_ENDPOINT = env("MIMIA_S3_PUBLIC_ENDPOINT", default="") if S3_BUCKET else ""
#: How long an address of a recording is good, for the person who asked for it.
MEDIA_SECONDS = env.int("MIMIA_MEDIA_SECONDS", default=300)
STORAGES = {
    "default": CLIP_STORAGE,
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
if S3_PUBLIC_ENDPOINT:
    STORAGES["public"] = {
        **CLIP_STORAGE,
        "OPTIONS": {**CLIP_STORAGE["OPTIONS"], "endpoint_url": S3_PUBLIC_ENDPOINT},
    }

# --- queue and push -----------------------------------------------------------------------------
REDIS_URL = env("REDIS_URL", default="")
#: Without Redis the worker is a thread of the site's own process.
WORKER_IN_PROCESS = not REDIS_URL
#: How long a call of the channel layer to Redis may take. It waits for hints in calls of 5 seconds:
#: a time limit of the same length, which is the library's own, would break every second one.
LIVE_REDIS_SECONDS = 15.0


def redis_layer(url: str, seconds: float = LIVE_REDIS_SECONDS) -> dict[str, Any]:
    """The channel layer in Redis."""
    host = {
        "address": url,
        "socket_timeout": seconds,
        "socket_connect_timeout": min(4.0, seconds),
        "socket_keepalive": True,
    }
    # A process that was killed is written to no longer than this; the living say every
    # LIVE_POLL_SECONDS that they are there.
    return {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {"hosts": [host], "group_expiry": 120},
    }


CHANNEL_LAYERS: dict[str, Any] = {
    "default": redis_layer(REDIS_URL)
    if REDIS_URL
    else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
}

#: Sockets look for new events by themselves this often. It is also the longest that an answer to
#: whether somebody may listen is believed.
LIVE_POLL_SECONDS = env.float("MIMIA_LIVE_POLL_SECONDS", default=4.0)
#: How long events are kept. Whoever was away for longer reloads instead of being told.
EVENT_DAYS = env.int("MIMIA_EVENT_DAYS", default=90)
#: Sockets that one person may have open at each web process: tabs and devices.
LIVE_SOCKETS_PER_PERSON = env.int("MIMIA_SOCKETS_PER_PERSON", default=20)

# --- measuring ----------------------------------------------------------------------------------
#: Wall-clock limit of one clip in the measuring process; past it the process is killed.
MEASURE_SECONDS = env.int("MIMIA_MEASURE_SECONDS", default=120)
MEASURE_ATTEMPTS = env.int("MIMIA_MEASURE_ATTEMPTS", default=3)
#: How long a silent worker keeps a clip. A living one renews its claim every few seconds.
CLAIM_SECONDS = env.int("MIMIA_CLAIM_SECONDS", default=30)
#: Measuring processes of one worker, and the threads that each may use.
MEASURING_PROCESSES = env.int("MIMIA_MEASURING_PROCESSES", default=1)
MEASURING_THREADS = env.int("MIMIA_MEASURING_THREADS", default=1)
#: Memory of each, in MiB; 0: no limit. A graphics card's driver knows no limit.
MEASURING_MEMORY_MIB = env.int("MIMIA_MEASURING_MEMORY_MIB", default=4096)
#: No network, children or foreign files for them; off only for a driver that does not bear it.
MEASURING_CONFINED_BY_KERNEL = env.bool("MIMIA_MEASURING_CONFINED_BY_KERNEL", default=True)
#: Where the image encoder of a bundle with the CLIP source runs: a torch device, or auto.
ENCODER_DEVICE = env("MIMIA_ENCODER_DEVICE", default="auto")
#: The model of blendshapes (`scripts/face_landmarker.sh`), used where it is there; empty: none.
FACE_LANDMARKER = env("MIMIA_FACE_LANDMARKER", default=None)
if FACE_LANDMARKER is None:
    _usual = VAR / "models" / "face_landmarker.task"
    FACE_LANDMARKER = str(_usual) if _usual.is_file() else ""
SWEEP_SECONDS = env.int("MIMIA_SWEEP_SECONDS", default=30)
#: The store is compared with the rows this often; what no row names is deleted after so many days,
#: unless it is more than so many objects, or than this share of all: then somebody has to look.
STORE_SURVEY_HOURS = env.float("MIMIA_STORE_SURVEY_HOURS", default=24.0)
QUARANTINE_DAYS = env.int("MIMIA_QUARANTINE_DAYS", default=30)
CLEANER_MAX_OBJECTS = env.int("MIMIA_CLEANER_MAX_OBJECTS", default=1000)
CLEANER_MAX_SHARE = env.float("MIMIA_CLEANER_MAX_SHARE", default=0.05)
UPLOAD_MAX_BYTES = env.int("MIMIA_UPLOAD_MAX_BYTES", default=200 * 1024 * 1024)
UPLOAD_CHUNK_MAX_BYTES = env.int("MIMIA_UPLOAD_CHUNK_MAX_BYTES", default=16 * 1024 * 1024)
UPLOAD_HOURS = env.int("MIMIA_UPLOAD_HOURS", default=72)
#: Below so much free space no upload is taken, so that everything else goes on.
RESERVE_BYTES = env.int("MIMIA_RESERVE_BYTES", default=1024**3)
#: One patient's share: films in the store, takes of one part, uploads that stand open.
PATIENT_MAX_BYTES = env.int("MIMIA_PATIENT_MAX_BYTES", default=2 * 1024**3)
STEP_TAKES = env.int("MIMIA_STEP_TAKES", default=20)
PATIENT_OPEN_UPLOADS = env.int("MIMIA_PATIENT_OPEN_UPLOADS", default=12)
#: How long the file of a replaced recording is kept.
SUPERSEDED_DAYS = env.int("MIMIA_SUPERSEDED_DAYS", default=30)
#: Bodies of requests that are still arriving lie in memory up to the first size, then in temporary
#: files; all together they take no more than the second.
FILE_UPLOAD_MAX_MEMORY_SIZE = 512 * 1024
BODIES_MAX_BYTES = env.int("MIMIA_BODIES_MAX_BYTES", default=512 * 1024 * 1024)
#: How many requests are worked on at once in this process; the others wait in line for so long.
REQUESTS_AT_ONCE = env.int("MIMIA_REQUESTS_AT_ONCE", default=16)
UPLOADS_AT_ONCE = env.int("MIMIA_UPLOADS_AT_ONCE", default=8)
LINE_SECONDS = env.float("MIMIA_LINE_SECONDS", default=20.0)
DEFAULT_BUNDLE = env("MIMIA_BUNDLE", default="")
SECOND_OPINION = env.bool("MIMIA_SECOND_OPINION", default=True)

# --- tasks (the names are Celery's own) ---------------------------------------------------------
CELERY_BROKER_URL = REDIS_URL or "memory://localhost/"
#: How long one answer of the queue may take.
QUEUE_SECONDS = 3.0
#: Redis hands a late-acked task to another worker after this: it must exceed every hard limit.
VISIBILITY_SECONDS = 2 * MEASURE_SECONDS + 900
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = (
    {
        "visibility_timeout": VISIBILITY_SECONDS,
        "socket_keepalive": True,
        # A worker of several queues empties them in the order of their names.
        "queue_order_strategy": "sorted",
        **outward.redis(QUEUE_SECONDS),
    }
    if REDIS_URL
    else {"polling_interval": 0.01}
)
#: A queue for each kind of work, so that none waits behind another kind. Where one worker takes
#: from several, the one whose name comes first in the alphabet goes first.
CELERY_TASK_ROUTES = {
    "worker.assess_screening": {"queue": "assess"},
    "worker.update_course": {"queue": "assess"},
    "worker.erase_files": {"queue": "keep"},
    "worker.measure_clip": {"queue": "measure"},
    "worker.assess_anew": {"queue": "measure"},
    "worker.make_playback": {"queue": "playback"},
    "worker.assess_shadows": {"queue": "shadow"},
}
CELERY_TASK_DEFAULT_QUEUE = "keep"
CELERY_BROKER_CONNECTION_TIMEOUT = outward.CONNECT_SECONDS
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# A request must not wait for a broker that is down: the sweeper sends the hint again.
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_max": 0.2}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
#: Children of one worker, each with a measuring process of its own: 0.5 GB and one core.
CELERY_WORKER_CONCURRENCY = env.int("MIMIA_WORKER_CHILDREN", default=1)
# The work in hand goes on while the broker restarts; storing it needs only the database.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_ACCEPT_CONTENT = ["json"]

# --- API ----------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    # A form of another site cannot send this type; a view that takes others says so itself.
    "DEFAULT_PARSER_CLASSES": ["screening.api.parsing.JSON"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.CursorPagination",
    "PAGE_SIZE": 50,
    "EXCEPTION_HANDLER": "screening.api.errors.handle",
}

# --- pages --------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = env("TZ", default="UTC")
STATIC_URL = "static/"
STATIC_ROOT = Path(env("MIMIA_STATIC", default=str(VAR / "static")))
# Nobody else's pages have a use for our files.
WHITENOISE_ALLOW_ALL_ORIGINS = False
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STATICFILES_DIRS = [path for path in [ROOT / "webapp" / "frontend" / "dist"] if path.is_dir()]
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        # The face finder in the browser is WebAssembly, served by ourselves.
        "script-src": ["'self'", "'wasm-unsafe-eval'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:", "blob:"],
        "media-src": ["'self'", "blob:", *([S3_PUBLIC_ENDPOINT] if S3_PUBLIC_ENDPOINT else [])],
        "worker-src": ["'self'", "blob:"],
        "connect-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
    }
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {
            "()": "webapp.logs.Lines",
            "fmt": "{asctime} {levelname} {name} {message}",
            "style": "{",
        }
    },
    "filters": {
        "without_secrets": {"()": "webapp.logs.WithoutSecrets"},
        "without_visits": {"()": "webapp.logs.WithoutVisits"},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "plain",
            "filters": ["without_secrets"],
        }
    },
    # These name addresses, and servers give some of them handlers of their own.
    "loggers": {
        "django.request": {"filters": ["without_secrets"]},
        "django.security.csrf": {"filters": ["without_secrets"]},
        "django.server": {"filters": ["without_secrets"], "propagate": True},
        "uvicorn.access": {"filters": ["without_secrets"]},
        "uvicorn.error": {"filters": ["without_visits"]},
    },
    "root": {"handlers": ["stderr"], "level": env("MIMIA_LOG_LEVEL", default="INFO")},
}
