"""Settings: base, and one thin module per way to run (development, test, production)."""
