#!/usr/bin/env bash
# Every scenario, and the show of everything, on the embedded keeper and on two nodes that share a Redis, which syncs every
# append. What is shown is whether everything held, and how fast it went on these two cores: the server (or both, and Redis)
# on one, the viewers on the other.
#
# VIEWERS (default 2,000) is for the show; the others have 300. SCENARIOS names some instead of all.
set -euo pipefail
source "$(dirname "$0")/stage.sh"

VIEWERS="${VIEWERS:-2000}" SHOW=60s SINGLE=12s
if ((QUICK)); then
    VIEWERS=60 SHOW=12s SINGLE=4s
fi
read -ra scenarios <<<"${SCENARIOS:-rain sale coupons talk watch-task check-in gifts enrolment campaign show}"
PIDS=() QUICS=() ADMINS=()
REDIS_PID=

end_nodes() {
    for pid in "${PIDS[@]:-}" "$REDIS_PID"; do
        [[ -z "$pid" ]] || { kill -KILL "$pid" && wait "$pid"; } 2>/dev/null || true
    done
    PIDS=() QUICS=() ADMINS=() REDIS_PID=
}
trap 'end_nodes; clean_up' EXIT

node() {
    start_server "$@"
    PIDS+=("$SERVER_PID") QUICS+=("$QUIC") ADMINS+=("$ADMIN")
    SERVER_PID=
}

# begin KEEPER: starts what it takes; sets BOOKS, which says where they are.
begin() {
    if [[ "$1" == embedded ]]; then
        node "data-$RANDOM"
        BOOKS=(--data-dir "$DATA")
        return
    fi
    local port
    port="$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
    mkdir "$SCRATCH/redis-$port"
    taskset -c "$SERVER_CORE" redis-server --port "$port" --bind 127.0.0.1 --dir "$SCRATCH/redis-$port" --save '' \
        --appendonly yes --appendfsync always >"$SCRATCH/redis.log" &
    REDIS_PID=$!
    until redis-cli -p "$port" ping >/dev/null 2>&1; do sleep 0.05; done
    BOOKS=(--store "redis://127.0.0.1:$port")
    node "node-$port-1" "${BOOKS[@]}"
    # Whichever node a ticket is taken at, its receipt is signed with the key that the draw's rules name.
    LIVEROOM_DRAWS__RECEIPT_KEY_FILE="$DATA/dev/receipt.pem" node "node-$port-2" "${BOOKS[@]}"
}

# play SCENARIO KEEPER: its row.
play() {
    local scenario="$1" keeper="$2" name="$1-$2" at=() options=() verdict=ok
    begin "$keeper"
    for place in "${!PIDS[@]}"; do
        at+=(--target "${QUICS[place]}" --admin "${ADMINS[place]}" --server-pid "${PIDS[place]}")
    done
    options=(--viewers 300 --warmup 1s --duration "$SINGLE")
    if [[ "$scenario" == show ]]; then
        options=(--viewers "$VIEWERS" --warmup 2s --duration "$SHOW" --seed 1 "${BOOKS[@]}" --html "${HTML:-$SCRATCH}/$name.html")
    elif ((QUICK)); then
        options=(--viewers 60 --warmup 500ms --duration "$SINGLE")
    fi
    if ! "$BIN/liveroom-loadtest" "$scenario" "${at[@]}" "${options[@]}" --tester-core "$TESTER_CORE" \
        --acks "$SCRATCH/$name.acks" --json "$SCRATCH/$name.json" >"$SCRATCH/out" 2>&1; then
        cat "$SCRATCH/out"
        verdict=BROKEN
    fi
    # The show has had its books audited; those of the others are audited now.
    if [[ "$scenario" != show && "$verdict" == ok ]]; then
        local running=()
        [[ "$keeper" == redis ]] || running=(--running)
        "$BIN/liveroom" audit "${BOOKS[@]}" "${running[@]}" --acks "$SCRATCH/$name.acks" >"$SCRATCH/audit.json" \
            2>"$SCRATCH/audit.err" || { cat "$SCRATCH/audit.json" "$SCRATCH/audit.err"; verdict=BROKEN; }
    fi
    [[ "$verdict" == ok ]] || MISSED=1
    local held
    held="$(grep -c '": true,\?$' "$SCRATCH/$name.json" || true)"
    row "$scenario, $keeper: $(figure "$name" completed) answers, p99 $(figure "$name" p99) µs, $(figure "$name" ops_per_s)/s" \
        'all hold' "$verdict ($((held > 0 ? held - 1 : 0)))"
    end_nodes
}

for scenario in "${scenarios[@]}"; do
    for keeper in ${KEEPERS:-embedded redis}; do
        echo "$scenario, $keeper"
        play "$scenario" "$keeper"
    done
done
finish
