"""Admin: users, clinics and their members, patients, invitations."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm

from screening.admin.base import NoDelete, ReadOnly, act_on_each
from screening.models import Invitation, Membership, Patient, Site, User
from screening.services import erasure, invitations


class MembershipInline(admin.TabularInline):
    model = Membership
    extra = 0
    autocomplete_fields = ("user", "site")


class NewUserForm(AdminUserCreationForm):
    class Meta:
        model = User
        fields = ("email", "name")


@admin.register(User)
class Users(UserAdmin):
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


@admin.register(Site)
class Sites(NoDelete, admin.ModelAdmin):
    list_display = ("name", "release_policy", "patients_see_p_pd", "pd_prevalence", "protocol")
    list_filter = ("release_policy", "patients_see_p_pd")
    search_fields = ("name",)
    autocomplete_fields = ("protocol",)
    inlines = (MembershipInline,)


@admin.register(Membership)
class Memberships(admin.ModelAdmin):
    list_display = ("user", "site", "role", "created_at")
    list_filter = ("site", "role")
    search_fields = ("user__email", "user__name", "site__name")
    autocomplete_fields = ("user", "site")


@admin.register(Patient)
class Patients(NoDelete, admin.ModelAdmin):
    """Patients come by invitation and leave by erasure."""

    list_display = ("pseudonym", "name", "site", "created_at", "erased_at", "erasure_proven_at")
    list_filter = ("site", ("erased_at", admin.EmptyFieldListFilter))
    search_fields = ("pseudonym", "name", "user__email")
    readonly_fields = ("pseudonym", "user", "site", "erased_at", "erasure_proven_at")
    actions = [
        act_on_each("Erase for good", lambda by, row: erasure.erase_patient(by=by, patient=row))
    ]

    def has_add_permission(self, request: object) -> bool:
        return False


@admin.register(Invitation)
class Invitations(ReadOnly, admin.ModelAdmin):
    list_display = ("patient", "site", "created_at", "expires_at", "accepted_at", "revoked_at")
    list_filter = ("site", ("accepted_at", admin.EmptyFieldListFilter))
    search_fields = ("email", "patient__pseudonym", "patient__name")
    actions = [act_on_each("Revoke", lambda by, row: invitations.revoke(by=by, invitation=row))]
