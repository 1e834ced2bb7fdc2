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
read -ra scenarios <<<"${SCENARIOS:-rain sale coupons talk draws bots watch-task check-in gifts enrolment bags template campaign experiment show}"

# begin KEEPER: starts what it takes; sets BOOKS, which says where they are.
begin() {
    if [[ "$1" == embedded ]]; then
        start_node "data-$RANDOM"
        BOOKS=(--data-dir "$DATA")
        return
    fi
    start_redis
    BOOKS=(--store "$STORE")
    start_node "node-1-$REDIS_PID" "${BOOKS[@]}"
    # Whichever node a ticket is taken at, its receipt is signed with the key that the draw's rules name.
    LIVEROOM_DRAWS__RECEIPT_KEY_FILE="$DATA/dev/receipt.pem" start_node "node-2-$REDIS_PID" "${BOOKS[@]}"
}

# play SCENARIO KEEPER: its row.
play() {
    local scenario="$1" keeper="$2" name="$1-$2" at=() options=() verdict=ok
    # Among bots one account is bounded as in production; in development it is not.
    unset LIVEROOM_RATES__CLAIM__PER_SECOND LIVEROOM_RATES__CLAIM__BURST
    if [[ "$scenario" == bots ]]; then
        export LIVEROOM_RATES__CLAIM__PER_SECOND=20 LIVEROOM_RATES__CLAIM__BURST=40
    fi
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
        local also=()
        [[ "$keeper" == redis ]] || also=(--running)
        # Not every scenario writes down what it was told.
        [[ ! -e "$SCRATCH/$name.acks" ]] || also+=(--acks "$SCRATCH/$name.acks")
        "$BIN/liveroom" audit "${BOOKS[@]}" "${also[@]}" >"$SCRATCH/audit.json" \
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
