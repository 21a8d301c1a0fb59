"""Every address of the site."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from screening.accounts.pages import change_email, signed_in_devices
from webapp import health

# The admin's own log-in form knows neither a limit of attempts nor a second factor.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

handler429 = "screening.accounts.pages.too_many_requests"

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/", admin.site.urls),
    path("accounts/email/", change_email, name="account_email"),
    path("accounts/devices/", signed_in_devices, name="account_devices"),
    path("accounts/", include("allauth.urls")),
    path("api/v1/", include("screening.api.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="api-docs"),
    path("", include("screening.pages.urls")),
]
