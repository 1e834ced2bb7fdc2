#!/usr/bin/env bash
# Three nodes on one Redis, which syncs every append. First all viewers of one sale at one node, then spread over two and
# three: exactly the stock is sold each time. Then a rain over all three, in the middle of which one node is killed with -9:
# its viewers come back elsewhere, and every acknowledgement that anybody received is in the books.
#
# Redis keeps to the servers' core: what nodes do at the same time they do at each other's cost, and this is no measure of
# how they scale.
set -euo pipefail
source "$(dirname "$0")/stage.sh"

NODES=3

start_redis
for ((node = 0; node < NODES; node++)); do
    start_node "node$node" --store "$STORE"
done

# storm NAME NODES SCENARIO [OPTION…]: on that many of the nodes.
storm() {
    local name="$1" nodes="$2" at=()
    shift 2
    for ((node = 0; node < nodes; node++)); do
        at+=(--target "${QUICS[node]}" --admin "${ADMINS[node]}" --server-pid "${PIDS[node]}")
    done
    "$BIN/liveroom-loadtest" "$@" "${at[@]}" --viewers 120 --tester-core "$TESTER_CORE" --acks "$SCRATCH/$name.acks" \
        --json "$SCRATCH/$name.json" >>"$SCRATCH/tester.log" 2>&1
}

# audit NAME: the log in Redis against itself, and against what the viewers of that storm were told.
audit() {
    "$BIN/liveroom" audit --store "$STORE" --acks "$SCRATCH/$1.acks" >"$SCRATCH/audit.json" \
        2>"$SCRATCH/audit.err" || { cat "$SCRATCH/audit.json" "$SCRATCH/audit.err"; return 1; }
}

# told NAME STORM…: a row that says whether the storm's books agree and the audit holds.
told() {
    local name="$1" verdict=ok
    shift
    if ! "$@" || ! audit "$name"; then
        verdict=BROKEN
        MISSED=1
        tail -n 20 "$SCRATCH/tester.log"
    fi
    local replaced
    replaced="$(figure "$name" reconnects)"
    row "$name: books and audit of $(wc -l <"$SCRATCH/$name.acks") acks" ok "$verdict"
    row "$name: given / lines replaced" '' "$(figure "$name" granted) / ${replaced:-0}"
    row "$name: answers a second" '' "$(figure "$name" ops_per_s)"
}

for ((nodes = 1; nodes <= NODES; nodes++)); do
    told "sale on $nodes" storm "sale on $nodes" "$nodes" sale "${SPAN[@]}"
done
told 'sold out on 3' storm 'sold out on 3' 3 sale --sold-out "${SPAN[@]}"

kill_one() {
    storm 'rain, one killed' 3 rain --warmup 1s --duration 12s &
    local tester=$!
    until [[ -s "$SCRATCH/rain, one killed.acks" ]]; do
        kill -0 "$tester"
        sleep 0.1
    done
    sleep 3
    { kill -KILL "${PIDS[1]}" && wait "${PIDS[1]}"; } 2>/dev/null || true
    wait "$tester"
}
told 'rain, one killed' kill_one
finish
