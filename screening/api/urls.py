"""The API, one address a line."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
