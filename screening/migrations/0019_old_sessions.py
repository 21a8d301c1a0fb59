"""Sessions from before there were courses, put into courses by their dates.

A course begins with a session and holds what was begun within a fortnight of it; the person's
results are due at the first sweep. A clinic's own protocols stay what they were, one session; those
that ship learn how a course goes on.
"""

from datetime import timedelta

from django.db import migrations

DAYS = 14
SHIPPED = ("standard", "quick")


def gather(apps, schema_editor):
    course = apps.get_model("screening", "Course")
    screening = apps.get_model("screening", "Screening")
    rows = screening.objects.filter(course=None).order_by("patient", "created_at", "pk")
    current = None
    for pk, patient, protocol, began in list(
        rows.values_list("pk", "patient", "protocol", "created_at")
    ):
        if current is None or current.patient_id != patient or began >= current.closes_at:
            current = course.objects.create(
                patient_id=patient,
                protocol_id=protocol,
                opened_at=began,
                closes_at=began + timedelta(days=DAYS),
                revision=1,
            )
        screening.objects.filter(pk=pk).update(course=current)


def plan(apps, schema_editor):
    protocol = apps.get_model("screening", "Protocol")
    protocol.objects.exclude(slug__in=SHIPPED).update(least_sessions=1, most_sessions=1)
    quick = protocol.objects.filter(slug="quick").order_by("-version").first()
    protocol.objects.filter(slug="standard").update(follow_up=quick)


class Migration(migrations.Migration):
    dependencies = [("screening", "0018_courses")]
    operations = [
        migrations.RunPython(gather, migrations.RunPython.noop),
        migrations.RunPython(plan, migrations.RunPython.noop),
    ]
