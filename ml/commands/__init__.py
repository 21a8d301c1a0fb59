"""One module per sub-command of ``python -m ml``; each exposes ``add_arguments(parser)``."""
