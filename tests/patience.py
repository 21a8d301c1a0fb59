"""How long a test waits for what must come: one number, for the busiest machine.

It costs nothing where all is well, since every wait ends as soon as its condition holds. It is less
than pytest's own limit for a test, so that a wait in vain says what it waited for.
"""

#: Seconds.
PATIENCE = 120
