#!/bin/bash
# Runs once, when the primary makes its database: standbys may copy it.
set -euo pipefail
echo "host replication quire all scram-sha-256" >> "$PGDATA/pg_hba.conf"
