# common.sh - what cmd/dev/run and cmd/dev/test share. Sourced by bash, from the root of the tree.

# package, or command:package where something else than Debian's package may have brought the command
build_packages=(gcc libc6-dev pkg-config meson ninja-build python3 python3-yaml libevent-dev
    libjansson-dev libyaml-dev libjwt-dev libssl-dev libargon2-dev libpcre2-dev
    libidn2-dev libpsl-dev libunistring-dev libzip-dev libexpat1-dev libxlsxwriter-dev libpq-dev libc-ares-dev postgresql-15 curl jq)
test_packages=(libcmocka-dev clang clang-tidy clang-format cppcheck libclang-rt-14-dev
    postgresql-15-pgtap libtap-parser-sourcehandler-pgtap-perl python3-pytest python3-pytest-xdist
    python3-hypothesis python3-jsonschema python3-requests python3-psycopg2 python3-jwt
    python3-phonenumbers python3-stdnum python3-openpyxl nginx-light haproxy pgbouncer faketime wrk
    patroni python3-etcd etcd-server
    node:nodejs npm:npm)

is_root() { [ "$(id -u)" = 0 ]; }

# Installs the packages that are missing; without root says which, and fails.
need_packages() {
    local item missing=()
    for item in "$@"; do
        if [ "${item#*:}" != "$item" ] && command -v "${item%%:*}" >/dev/null; then
            continue
        fi
        item=${item#*:}
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$item" 2>/dev/null)" = installed ] || missing+=("$item")
    done
    [ ${#missing[@]} = 0 ] && return
    if ! is_root; then
        echo "Packages are missing. Please run:" >&2
        echo "  sudo apt-get install --no-install-recommends ${missing[*]}" >&2
        exit 1
    fi
    echo "Installing: ${missing[*]}" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q >&2
    install_quietly "${missing[@]}"
}

# Installs packages without starting what they would run: the tests start what they need, on ports of their own.
install_quietly() {
    local policy=/usr/sbin/policy-rc.d ours= status=0
    if ! [ -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        ours=$policy
    fi
    apt-get install -q -y --no-install-recommends "$@" >&2 || status=$?
    [ -z "$ours" ] || rm -f "$ours"
    return $status
}

# build FOLDER OPTION... - configures once, then builds what has changed.
build() {
    local folder=$1
    shift
    if ! [ -f "$folder/build.ninja" ]; then
        mkdir -p "$folder"
        meson setup "$folder" "$@" >"$folder/setup.log" 2>&1 || { cat "$folder/setup.log" >&2; return 1; }
    fi
    ninja -C "$folder" >"$folder/build.log" 2>&1 || { grep -v '^\[' "$folder/build.log" | tail -n 60 >&2; return 1; }
}

postgres_bin() { find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin | sort -V | tail -n 1; }

# Runs a command as an unprivileged user: PostgreSQL refuses to be root.
unprivileged() {
    if is_root; then
        setpriv --reuid=postgres --regid=postgres --init-groups --reset-env "$@"
    else
        "$@"
    fi
}

# cluster_start - a private PostgreSQL in $cluster, unix socket only; exports what libpq wants to know.
cluster_start() {
    cluster=$(mktemp -d "${TMPDIR:-/tmp}/sluice-test.XXXXXX")
    is_root && chown postgres: "$cluster"
    unprivileged "$(postgres_bin)/initdb" -D "$cluster/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 \
        --no-sync >"$cluster.log" 2>&1 &&
        unprivileged "$(postgres_bin)/pg_ctl" -D "$cluster/data" -w -t 60 -l "$cluster/log" \
            -o "-c listen_addresses= -c unix_socket_directories=$cluster -c fsync=off" start >>"$cluster.log" 2>&1 ||
        { cat "$cluster.log" >&2; return 1; }
    export PGHOST=$cluster PGUSER=postgres PGDATABASE=sluice
    createdb sluice && psql -qXc "alter database sluice set timezone to 'UTC'"
    database_url="postgresql:///sluice?host=$cluster&user=postgres"
}

cluster_stop() {
    [ -n "${cluster:-}" ] || return 0
    unprivileged "$(postgres_bin)/pg_ctl" -D "$cluster/data" -m immediate -w stop >/dev/null 2>&1 || true
    rm -rf "$cluster" "$cluster.log"
    cluster=
}
