"""The measured signs of a clip: repetitions, expressivity, rigidity, and the face at rest."""
