"""The types that browsers gave their files: those of films stay, without parameters; others go.

A file without a type is measured like any other, and leaves the site only as an attachment.
"""

from django.db import migrations, models
from django.utils.http import parse_header_parameters

CONTAINERS = ["video/webm", "video/mp4", "video/x-matroska", "video/quicktime"]
IS_CONTAINER = models.Q(mime_type__in=["", *CONTAINERS])


def keep_containers_only(apps, schema_editor):
    for name in ("Clip", "Upload"):
        rows = apps.get_model("screening", name).objects.order_by()
        for said in set(rows.values_list("mime_type", flat=True)):
            kind = container(said)
            if kind != said:
                rows.filter(mime_type=said).update(mime_type=kind)


def container(said):
    try:
        kind = parse_header_parameters(said)[0]
    except ValueError:
        return ""
    return kind if kind in CONTAINERS else ""


class Migration(migrations.Migration):
    dependencies = [("screening", "0004_encoders")]
    operations = [
        migrations.RunPython(keep_containers_only, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="clip",
            constraint=models.CheckConstraint(
                condition=IS_CONTAINER, name="clip_type_is_a_container"
            ),
        ),
        migrations.AddConstraint(
            model_name="upload",
            constraint=models.CheckConstraint(
                condition=IS_CONTAINER, name="upload_type_is_a_container"
            ),
        ),
    ]
