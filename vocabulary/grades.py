"""The grades of MDS-UPDRS item 3.2, *Facial expression*, in short words of our own."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Grade:
    """``seen``: what a rater sees in a face of this grade."""

    grade: int
    name: str
    seen: str


GRADES = (
    Grade(0, "Normal", "Normal facial expression."),
    Grade(1, "Slight", "Minimal masking, seen only as less frequent blinking."),
    Grade(2, "Mild", "Less blinking, and less movement around the mouth; lips not parted."),
    Grade(
        3,
        "Moderate",
        "Masked face with lips parted some of the time while the mouth is at rest.",
    ),
    Grade(4, "Severe", "Masked face with lips parted most of the time while the mouth is at rest."),
)
