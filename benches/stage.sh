# Sourced by the scripts beside it: builds, starts servers, reads figures, prints a table.
#
# The server keeps to core 0 and the tester to core 1, so that neither is measured by what the other leaves it. Everything
# is made in a temporary directory and on free ports, and goes with the script.
#
# Options of every script: --strict (end with status 1 if a figure is missed), --quick (once, and shortly: to see that it
# works, not to measure).

cd "$(dirname "${BASH_SOURCE[0]}")/.."

STRICT=0
QUICK=0
for option in "$@"; do
    case "$option" in
        --strict) STRICT=1 ;;
        --quick) QUICK=1 ;;
        *)
            echo "usage: $0 [--strict] [--quick]" >&2
            exit 2
            ;;
    esac
done

SERVER_CORE=0
TESTER_CORE=1
SERVER_PID=
PIDS=() QUICS=() ADMINS=() REDIS_PID=
SCRATCH="$(mktemp -d)"
ROWS="$SCRATCH/rows"
MISSED=0
: >"$ROWS"

# kill_server SIGNAL
kill_server() {
    if [[ -n "$SERVER_PID" ]]; then
        kill "$1" "$SERVER_PID" 2>/dev/null || true
        wait "$SERVER_PID" 2>/dev/null || true
        SERVER_PID=
    fi
}

# Ends what start_node and start_redis began.
end_nodes() {
    for pid in "${PIDS[@]:-}" "$REDIS_PID"; do
        [[ -z "$pid" ]] || { kill -KILL "$pid" && wait "$pid"; } 2>/dev/null || true
    done
    PIDS=() QUICS=() ADMINS=() REDIS_PID=
}

clean_up() {
    kill_server -KILL
    end_nodes
    rm -rf "$SCRATCH"
}
trap clean_up EXIT

if ((QUICK)); then
    ROUNDS=1
    SPAN=(--warmup 500ms --duration 1s)
else
    ROUNDS=${ROUNDS:-3}
    SPAN=(--warmup 2s --duration 8s)
fi

# A viewer over WebSocket takes a descriptor on either side.
ulimit -n "$(ulimit -Hn)"

if [[ -n "${BENCH:-}" ]]; then
    # A program of this folder instead of servers and testers.
    PROGRAM="$(cargo build --release --quiet -p liveroom --bench "$BENCH" --message-format json |
        sed -n "s|.*\"executable\":\"\([^\"]*/$BENCH-[^\"]*\)\".*|\1|p")"
else
    cargo build --release --quiet -p liveroom -p liveroom-loadtest --bins
fi
BIN="${CARGO_TARGET_DIR:-target}/release"

# start_server NAME [OPTION…]: a development server with its data in $SCRATCH/NAME. Sets SERVER_PID, QUIC, WS, ADMIN, and
# DATA. On the addresses of an earlier one if REUSE is set.
start_server() {
    local name="$1" said="$SCRATCH/said"
    shift
    DATA="$SCRATCH/$name"
    local quic=127.0.0.1:0 ws=127.0.0.1:0 admin=127.0.0.1:0
    if [[ -n "${REUSE:-}" ]]; then
        quic="$QUIC" ws="$WS" admin="$ADMIN"
    fi
    : >"$said"
    taskset -c "$SERVER_CORE" "$BIN/liveroom" serve --dev --data-dir "$DATA" \
        --quic "$quic" --ws "$ws" --admin "$admin" "$@" >"$said" 2>>"$SCRATCH/server.log" &
    SERVER_PID=$!
    until grep -q 'a storm:' "$said"; do
        if ! kill -0 "$SERVER_PID" 2>/dev/null; then
            echo "the server did not start:" >&2
            tail -n 5 "$SCRATCH/server.log" >&2
            exit 2
        fi
        sleep 0.05
    done
    QUIC="$(sed -n 's/^ *QUIC *\([^ ]*\).*/\1/p' "$said")"
    WS="$(sed -n 's|^ *WebSocket *ws://\([^/]*\)/.*|\1|p' "$said")"
    ADMIN="$(sed -n 's|^ *API *http://\([^ ]*\).*|\1|p' "$said")"
}

# start_node NAME [OPTION…]: one server of several; adds to PIDS, QUICS and ADMINS.
start_node() {
    start_server "$@"
    PIDS+=("$SERVER_PID") QUICS+=("$QUIC") ADMINS+=("$ADMIN")
    SERVER_PID=
}

# start_redis: one that syncs every append, on the servers' core. Sets STORE, its address.
start_redis() {
    local port
    port="$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
    mkdir "$SCRATCH/redis-$port"
    taskset -c "$SERVER_CORE" redis-server --port "$port" --bind 127.0.0.1 --dir "$SCRATCH/redis-$port" --save '' \
        --appendonly yes --appendfsync always >"$SCRATCH/redis.log" &
    REDIS_PID=$!
    until redis-cli -p "$port" ping >/dev/null 2>&1; do sleep 0.05; done
    STORE="redis://127.0.0.1:$port"
}

# limit SHAPE [OPTION…]: the figures of the bare transport, in $SCRATCH/SHAPE.json.
limit() {
    local shape="$1"
    shift
    "$BIN/liveroom-loadtest" limit --only "$shape" --server-core "$SERVER_CORE" --tester-core "$TESTER_CORE" \
        "${SPAN[@]}" --json "$SCRATCH/$shape.json" "$@" >>"$SCRATCH/tester.log"
}

# load NAME SCENARIO [OPTION…]: the figures of a scenario on the server, in $SCRATCH/NAME.json. Over WebSocket if
# TRANSPORT is ws.
load() {
    local name="$1" target="$QUIC"
    shift
    if [[ "${TRANSPORT:-quic}" == ws ]]; then
        target="$WS"
    fi
    if ! "$BIN/liveroom-loadtest" "$@" --target "$target" --transport "${TRANSPORT:-quic}" --admin "$ADMIN" \
        --server-pid "$SERVER_PID" --tester-core "$TESTER_CORE" "${SPAN[@]}" --json "$SCRATCH/$name.json" \
        >"$SCRATCH/out" 2>&1; then
        cat "$SCRATCH/out"
        broken "$name: not ok"
    fi
}

# on_fresh_server NAME SCENARIO [OPTION…]: the same, on a server that has seen nothing yet.
on_fresh_server() {
    start_server "data-$1"
    load "$@"
    kill_server -TERM
    rm -rf "$DATA"
}

# figure NAME KEY: the first number of that key in $SCRATCH/NAME.json.
figure() {
    sed -n "s/^ *\"$2\": \([0-9.]*\),*\$/\1/p" "$SCRATCH/$1.json" | head -n 1
}

# calc EXPRESSION: to two digits.
calc() {
    awk "BEGIN { printf \"%.2f\", $1 }"
}

# note KEY VALUE: one measurement of several.
note() {
    echo "$2" >>"$SCRATCH/noted-$1"
}

# median KEY: of those noted.
median() {
    sort -n "$SCRATCH/noted-$1" | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'
}

# row WHAT ASKED MEASURED: a line of the table, without a judgement.
row() {
    printf '%s|%s|%s\n' "$1" "$2" "$3" >>"$ROWS"
}

# judge WHAT MEASURED at_least|at_most BOUND [UNIT]: a line of the table, and whether it holds.
judge() {
    local what="$1" measured="$2" relation="$3" bound="$4" unit="${5:-}" sign='≥' holds
    holds="$(awk "BEGIN { print ($measured >= $bound) }")"
    if [[ "$relation" == at_most ]]; then
        sign='≤'
        holds="$(awk "BEGIN { print ($measured <= $bound) }")"
    fi
    if ((holds)); then
        row "$what" "$sign $bound$unit" "$measured$unit"
    else
        row "$what" "$sign $bound$unit" "$measured$unit  MISSED"
        MISSED=1
    fi
}

# broken WHAT: something that has to hold whatever the figures are.
broken() {
    row "$1" holds BROKEN
    MISSED=1
}

# Prints the table; with --strict, the status says whether all held.
finish() {
    local what asked measured
    echo
    printf '%-58s %12s  %s\n' what asked measured
    while IFS='|' read -r what asked measured; do
        # printf counts bytes, and the signs take three.
        local extra=$((${#asked} < $(printf '%s' "$asked" | wc -c) ? $(printf '%s' "$asked" | wc -c) - ${#asked} : 0))
        local wide=$(($(printf '%s' "$what" | wc -c) - ${#what}))
        printf "%-$((58 + wide))s %$((12 + extra))s  %s\n" "$what" "$asked" "$measured"
    done <"$ROWS"
    if ((STRICT && MISSED)); then
        exit 1
    fi
}
