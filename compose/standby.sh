#!/bin/bash
# A standby of "primary", as $STANDBY: copies it when it has no data yet, then follows it.
set -euo pipefail
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    mkdir -p "$PGDATA"
    chown -R postgres:postgres "$PGDATA"
    chmod 700 "$PGDATA"
    gosu postgres pg_basebackup --pgdata="$PGDATA" --write-recovery-conf --wal-method=stream --checkpoint=fast \
        --dbname="host=primary user=quire application_name=$STANDBY"
fi
exec docker-entrypoint.sh "$@"
