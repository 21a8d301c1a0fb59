#!/bin/sh
# One-shot, at every start of the compose topology; each step is done only where it is needed.
set -eu
python manage.py migrate --noinput
python /deploy/create_bucket.py
# The bundle that ships becomes active only where none is: an operator's own choice stands.
python manage.py shell -v 0 -c 'from worker.bundles import ensure_active, ensure_shadow; ensure_shadow(); print(ensure_active())'
