#!/bin/sh
# One-shot, at every start of the compose topology; each step is done only where it is needed.
set -eu
python manage.py migrate --noinput
python /deploy/create_bucket.py
python manage.py register_bundle --activate
