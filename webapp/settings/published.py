"""What the API says of itself: its schema, from which the pages' types are made too."""

SPECTACULAR_SETTINGS = {
    "TITLE": "Mimia",
    "DESCRIPTION": "Home screening for hypomimia. Research use, not a diagnosis.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "ScreeningState": "screening.models.Screening.State",
        "ClipState": "screening.models.Clip.State",
        "MeasuredState": ["measured", "unusable"],
    },
}
