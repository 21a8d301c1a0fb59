"""How well scores repeat from one session of a person to the next, on public repeats."""
