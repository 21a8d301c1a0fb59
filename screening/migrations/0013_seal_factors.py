"""Seal the secrets of second factors that were kept as they are."""

from django.db import migrations

from screening.accounts.sealing import reseal


def seal_all(apps, schema_editor):
    reseal(apps.get_model("mfa", "Authenticator").objects.iterator())


class Migration(migrations.Migration):

    dependencies = [
        ("screening", "0012_views_a_quarter"),
        ("mfa", "0003_authenticator_type_uniq"),
    ]

    # Backwards there is nothing to do but to keep the key: sealed ones open as long as it is there.
    operations = [migrations.RunPython(seal_all, migrations.RunPython.noop)]
