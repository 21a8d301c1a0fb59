"""Figures on phantoms: does the software read what was programmed? Nothing about people."""
