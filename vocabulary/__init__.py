"""What the whole house speaks of, said once: expressions, reasons, signs, grades.

Plain tables that import nothing but the standard library. The science (``ml``) and the web
(``screening``) read the same ones, and the pages' scripts get them from the web: neither side keeps
a copy of the other's words. How to add to a table: docs/extending.md.
"""
