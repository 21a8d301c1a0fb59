"""Counters of the sign-in limits, and the table of the cache that allauth's own limits use."""

from django.core.management import call_command
from django.db import migrations, models


def make_cache_table(apps, schema_editor):
    call_command("createcachetable", database=schema_editor.connection.alias, verbosity=0)


class Migration(migrations.Migration):
    dependencies = [("screening", "0005_containers")]

    operations = [
        migrations.CreateModel(
            name="AttemptCounter",
            fields=[
                ("key", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("count", models.PositiveIntegerField(default=0)),
                ("until", models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.RunPython(make_cache_table, migrations.RunPython.noop),
    ]
