#!/bin/sh
# Starts the object store with one identity, from the environment; nothing else may read or write.
set -eu
: "${MIMIA_S3_ACCESS_KEY:?}" "${MIMIA_S3_SECRET_KEY:?}"
umask 077
cat >/tmp/s3.json <<JSON
{"identities": [{"name": "mimia",
  "credentials": [{"accessKey": "$MIMIA_S3_ACCESS_KEY", "secretKey": "$MIMIA_S3_SECRET_KEY"}],
  "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]}
JSON
exec weed server -dir=/data -ip.bind=0.0.0.0 -s3 -s3.port=8333 -s3.config=/tmp/s3.json \
    -master.volumeSizeLimitMB=1024
