#!/usr/bin/env bash
# What a claim costs when there is much else: 10,000 rooms with 1,000 open activities, and a storm in another room.
set -euo pipefail
source "$(dirname "$0")/stage.sh"

rooms=10000 activities=1000 viewers=1000
if ((QUICK)); then
    rooms=1000 activities=100 viewers=100
fi
LIGHT=4000
if ((QUICK)); then STORM=4s; else STORM=20s; fi

ops_decided() {
    curl -sS "http://$ADMIN/metrics" | sed -n 's/^liveroom_ops_total //p'
}

# quiet NAME: twenty viewers who buy now and then in a room of their own, in $SCRATCH/NAME.json.
quiet() {
    load "$1" sale --viewers 20 --rate 200
}

# stormed NAME [OPTION…]: the same while it rains on 300 others. The storm's tester gives way to the quiet room's: they share
# a core, and what is asked for is how long the server takes, not how long the tester does.
stormed() {
    local name="$1" before
    shift
    before="$(ops_decided)"
    nice -n 19 "$BIN/liveroom-loadtest" rain --viewers 300 --target "$QUIC" --transport quic --admin "$ADMIN" \
        --server-pid "$SERVER_PID" --tester-core "$TESTER_CORE" --warmup 0s --duration "$STORM" "$@" \
        --json "$SCRATCH/storm.json" >"$SCRATCH/storm" 2>&1 &
    local storm=$!
    until (($(ops_decided) > before + 2000)); do
        kill -0 "$storm" 2>/dev/null || break
        sleep 0.05
    done
    quiet "$name"
    if ! wait "$storm"; then
        cat "$SCRATCH/storm"
        broken "$name: the storm is not ok"
    fi
    note "$name-storm" "$(figure storm ops_per_s)"
    note "$name-ratio" "$(calc "$(figure "$name" p99) / $(figure alone p99)")"
}

for ((round = 1; round <= ROUNDS; round++)); do
    echo "round $round of $ROUNDS"
    on_fresh_server one sale --viewers "$viewers"
    on_fresh_server many sale --viewers "$viewers" --rooms "$rooms" --activities "$activities"
    note one "$(figure one server_cpu_us_per_op)"
    note many "$(figure many server_cpu_us_per_op)"
    note many-ratio "$(calc "$(figure many server_cpu_us_per_op) / $(figure one server_cpu_us_per_op)")"

    start_server data-storm
    quiet alone
    note alone "$(figure alone p99)"
    stormed light --rate "$LIGHT"
    stormed half --rate "$(calc "$(figure one ops_per_s) / 2")"
    stormed full
    kill_server -TERM
    rm -rf "$DATA"
done

row 'one room and activity: server CPU per claim' '' "$(median one) µs"
row "$rooms rooms, $activities activities: server CPU per claim" '' "$(median many) µs"
judge 'a claim among many ÷ alone' "$(median many-ratio)" at_most 1.2
row 'a claim in a quiet room, p99' '' "$(median alone) µs"
for what in light half; do
    judge "the same, $(median $what-storm) claims/s elsewhere ÷ alone" "$(median $what-ratio)" at_most 2
done
row "the same, $(median full-storm) claims/s elsewhere, all the server can do ÷ alone" '' "$(median full-ratio)"
finish
