from importlib import import_module

import django.db.models.deletion
from django.db import migrations, models

gather = import_module("screening.migrations.0019_old_sessions").gather


def gather_late_ones(apps, schema_editor):
    """Sessions that the old code began while the last migration ran."""
    gather(apps, schema_editor)
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")


class Migration(migrations.Migration):
    dependencies = [("screening", "0019_old_sessions")]
    operations = [
        migrations.RunPython(gather_late_ones, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="screening",
            name="course",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="screenings",
                to="screening.course",
            ),
        ),
    ]
