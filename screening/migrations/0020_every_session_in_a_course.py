import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("screening", "0019_old_sessions")]
    operations = [
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
