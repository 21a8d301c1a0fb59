"""Who is at the door: log-in and its limits, second factors, idle sessions, and their trail.

django-allauth does the work; this package says how it behaves here.
"""
