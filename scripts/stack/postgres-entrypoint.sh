#!/bin/sh
# What the official image's entry point does with these three variables, and no more.
set -eu
mkdir -p "$PGDATA"
chown postgres "$PGDATA"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    printf '%s' "$POSTGRES_PASSWORD" >/tmp/password
    chown postgres /tmp/password
    runuser -u postgres -- initdb -D "$PGDATA" -U "$POSTGRES_USER" -E UTF8 \
        --auth-host=scram-sha-256 --auth-local=trust --pwfile=/tmp/password >/dev/null
    rm /tmp/password
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    runuser -u postgres -- pg_ctl -D "$PGDATA" -o "-c listen_addresses=" -w start >/dev/null
    runuser -u postgres -- createdb -h /var/run/postgresql -U "$POSTGRES_USER" "$POSTGRES_DB" || true
    runuser -u postgres -- pg_ctl -D "$PGDATA" -m fast -w stop >/dev/null
fi
exec runuser -u postgres -- postgres -D "$PGDATA" -c listen_addresses='*' "$@"
