"""What was released to a patient who then withdrew the consent is closed to the clinic for good."""

from django.db import migrations
from django.db.models import Exists, OuterRef
from django.utils import timezone


def close_without_consent(apps, schema_editor):
    consents = apps.get_model("screening", "Consent").objects
    standing = consents.filter(patient=OuterRef("patient"), withdrawn_at__isnull=True)
    released = apps.get_model("screening", "Screening").objects.filter(
        ~Exists(standing), state="released", withdrawn_at__isnull=True
    )
    released.update(withdrawn_at=timezone.now())


class Migration(migrations.Migration):
    dependencies = [("screening", "0007_store_and_database")]
    operations = [migrations.RunPython(close_without_consent, migrations.RunPython.noop)]
