"""What each expression looks like, in words: the text half of the CLIP intensity network.

One sentence per expression about the movements of the face, written for this project in the terms
of the action units that define the expression. ``rest`` is the neutral that every other score is
measured against. The learned context tokens stand before these words (see ``prompts``).
"""

from collections.abc import Mapping

NEUTRAL = "rest"

DESCRIPTORS: Mapping[str, str] = {
    NEUTRAL: "a calm face at rest, relaxed muscles, level brows, closed lips, no expression.",
    "smile": "a happy face, lip corners pulled up and wide, raised cheeks, narrowed eyes.",
    "disgust": "a disgusted face, wrinkled nose, raised upper lip, lowered brows, narrowed eyes.",
    "surprise": "a surprised face, brows raised high, wide open eyes, dropped jaw, open mouth.",
    "anger": "an angry face, brows lowered and drawn together, hard stare, lips pressed tight.",
    "sadness": "a sad face, inner brows raised, drooping eyelids, lip corners pulled down.",
    "fear": "a fearful face, brows raised and drawn together, wide eyes, lips stretched sideways.",
}
