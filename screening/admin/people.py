"""Admin: users, clinics and their members, patients, invitations."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from screening.accounts import stepup
from screening.admin.base import (
    Chosen,
    Confirmed,
    ConfirmedActions,
    NoDelete,
    ReadOnly,
    act_on_each,
    user_of,
)
from screening.models import Invitation, Membership, Patient, Site, User
from screening.services import accounts as services_accounts
from screening.services import erasure, invitations, protocols, sites


class MembershipInline(Chosen, admin.TabularInline):
    model = Membership
    extra = 0
    autocomplete_fields = ("user", "site")


class NewUserForm(AdminUserCreationForm):
    class Meta:
        model = User
        fields = ("email", "name")


@admin.register(User)
class Users(Confirmed, UserAdmin):
    ordering = ("email",)
    list_display = ("email", "name", "is_active", "is_staff", "last_login")
    list_filter = ("is_active", "is_staff", "memberships__site")
    search_fields = ("email", "name")
    add_form = NewUserForm
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("email", "password", "name")}),
        ("Rights", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "name", "password1", "password2")}),)
    readonly_fields = ("last_login", "date_joined")
    inlines = (MembershipInline,)
    actions = [
        act_on_each(
            "Take all second factors away",
            lambda by, row: services_accounts.remove_second_factors(by=by, user=row),
        )
    ]

    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        if not stepup.is_confirmed(request):
            return stepup.confirmation(request)
        return super().user_change_password(request, id, form_url)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        before = User.objects.filter(pk=obj.pk).values_list("email", flat=True).first()
        super().save_model(request, obj, form, change)
        if before and before != obj.email:
            services_accounts.email_was_changed(by=user_of(request), user=obj, before=before)

    def log_addition(self, request: HttpRequest, obj: User, message: Any) -> Any:
        services_accounts.note_edit(by=user_of(request), user=obj, what="made")
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: User, message: Any) -> Any:
        services_accounts.note_edit(by=user_of(request), user=obj, what=message)
        return super().log_change(request, obj, message)


@admin.register(Site)
class Sites(Chosen, Confirmed, NoDelete, admin.ModelAdmin):
    list_display = ("name", "release_policy", "patients_see_p_pd", "pd_prevalence", "protocol")
    list_filter = ("release_policy", "patients_see_p_pd", "clinicians_see_weak_p_pd")
    search_fields = ("name",)
    autocomplete_fields = ("protocol",)
    inlines = (MembershipInline,)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A new clinic begins with what the active model reads."""
        return {"protocol": protocols.default().pk, **super().get_changeform_initial_data(request)}

    def save_model(self, request: HttpRequest, obj: Site, form: Any, change: bool) -> None:
        sites.save(by=user_of(request), site=obj)


@admin.register(Membership)
class Memberships(Chosen, Confirmed, admin.ModelAdmin):
    list_display = ("user", "site", "role", "created_at")
    list_filter = ("site", "role")
    search_fields = ("user__email", "user__name", "site__name")
    autocomplete_fields = ("user", "site")


#: Typed by whoever erases a patient.
ERASE_WORD = "ERASE"
erase_each = act_on_each(
    "Erase for good", lambda by, row: erasure.erase_patient(by=by, patient=row)
)


@admin.register(Patient)
class Patients(ConfirmedActions, NoDelete, admin.ModelAdmin):
    """Patients come by invitation and leave by erasure."""

    list_display = ("pseudonym", "name", "site", "created_at", "erased_at", "erasure_proven_at")
    list_filter = ("site", ("erased_at", admin.EmptyFieldListFilter))
    search_fields = ("pseudonym", "name", "user__email")
    readonly_fields = ("pseudonym", "user", "site", "erased_at", "erasure_proven_at")
    actions = ["erase_for_good"]

    @admin.action(description="Erase for good")
    def erase_for_good(
        self, request: HttpRequest, rows: QuerySet[Patient]
    ) -> TemplateResponse | None:
        """Nothing brings an erased patient back: say who it is, and let a word be typed."""
        if request.POST.get("typed") == ERASE_WORD:
            erase_each(self, request, rows)
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": "Erase for good",
            "opts": self.model._meta,
            "patients": rows,
            "word": ERASE_WORD,
            "wrong": "typed" in request.POST,
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/erase_confirmation.html", context)

    def has_add_permission(self, request: object) -> bool:
        return False


@admin.register(Invitation)
class Invitations(ReadOnly, admin.ModelAdmin):
    list_display = ("patient", "site", "created_at", "expires_at", "accepted_at", "revoked_at")
    list_filter = ("site", ("accepted_at", admin.EmptyFieldListFilter))
    search_fields = ("email", "patient__pseudonym", "patient__name")
    actions = [act_on_each("Revoke", lambda by, row: invitations.revoke(by=by, invitation=row))]
