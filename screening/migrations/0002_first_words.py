"""The first consent text and the two protocols, so that a new installation can be used at once."""

from django.db import migrations
from django.utils import timezone

CONSENT_TITLE = "Taking part in Mimia"
CONSENT_TEXT = """\
Mimia looks at how much your face moves. You record short videos of a few facial expressions at home, and a computer measures the movement. A clinician at your clinic can see the videos and the measurements.

Mimia is for research. It does not tell whether you have Parkinson's disease or any other disease. Please do not start, stop or change a treatment because of it; ask your clinic.

What is kept: your answers to a few questions about things that can still a face, the videos, the measurements, and a record of who has looked at them. They are stored by your clinic. They are not sold and not shown to anybody outside it.

Taking part is your choice. You can stop at any time, without giving a reason and without any disadvantage. If you stop, nothing new is measured and no new result is shown. You can also ask for everything to be deleted.

Two more things you may allow or not, as you like: the use of your recordings for research, and their use for improving the computer models. In both cases your name stays with the clinic."""

WORDS = {
    "rest": (10, 0, "Look into the camera and let your face rest. You need not do anything. Blink as you like."),
    "smile": (10, 3, "Smile as broadly as you can, then relax. Three times."),
    "disgust": (10, 3, "Wrinkle your nose as if something smelled bad, then relax. Three times."),
    "surprise": (10, 3, "Raise your eyebrows and open your mouth as if surprised, then relax. Three times."),
    "anger": (10, 3, "Draw your eyebrows together and press your lips as if angry, then relax. Three times."),
    "sadness": (10, 3, "Pull the corners of your mouth down as if sad, then relax. Three times."),
    "fear": (10, 3, "Open your eyes wide and draw your mouth back as if afraid, then relax. Three times."),
}
PROTOCOLS = {
    "standard": ("Standard", ["rest", "smile", "disgust", "surprise", "anger", "sadness", "fear"]),
    "quick": ("Quick", ["rest", "smile", "disgust", "surprise"]),
}


def write(apps, schema_editor):
    form = apps.get_model("screening", "ConsentForm")
    protocol = apps.get_model("screening", "Protocol")
    step = apps.get_model("screening", "ProtocolStep")
    form.objects.create(version=1, title=CONSENT_TITLE, text=CONSENT_TEXT, published_at=timezone.now())
    for slug, (name, expressions) in PROTOCOLS.items():
        made = protocol.objects.create(slug=slug, version=1, name=name)
        for order, expression in enumerate(expressions, start=1):
            seconds, repetitions, instruction = WORDS[expression]
            step.objects.create(
                protocol=made,
                order=order,
                expression=expression,
                seconds=seconds,
                repetitions=repetitions,
                instruction=instruction,
            )


class Migration(migrations.Migration):
    dependencies = [("screening", "0001_initial")]
    operations = [migrations.RunPython(write, migrations.RunPython.noop)]
