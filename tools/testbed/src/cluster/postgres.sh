# Stands for the image postgres:17 with the PostgreSQL of this machine: a database of its own in the pod's folder, made
# with POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB, listening at PGLISTEN. PostgreSQL refuses to run as root.
set -eu
data=$1/postgres
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] || bin=$(dirname "$(command -v postgres)")
as=
if [ "$(id -u)" = 0 ]; then
  as="setpriv --reuid=postgres --regid=postgres --clear-groups --pdeathsig KILL --"
fi
mkdir -p "$data" && chmod 755 "$1"
printf %s "$POSTGRES_PASSWORD" >"$1/password"
[ -z "$as" ] || chown postgres "$data" "$1/password"
cd "$data"
$as "$bin/initdb" -D "$data/db" -U "$POSTGRES_USER" --pwfile="$1/password" -A scram-sha-256 -E UTF8 --no-sync >/dev/null
$as sh -c 'echo "CREATE DATABASE \"$2\"" | "$0/postgres" --single -j -D "$1" postgres' \
  "$bin" "$data/db" "${POSTGRES_DB:-$POSTGRES_USER}" >/dev/null
exec $as "$bin/postgres" -D "$data/db" -h "${PGLISTEN%:*}" -p "${PGLISTEN##*:}" -k "$data" -c fsync=off
