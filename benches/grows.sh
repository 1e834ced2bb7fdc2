#!/usr/bin/env bash
# What a claim costs when there is much else: 10,000 rooms with 1,000 open activities, and a storm in another room.
set -euo pipefail
source "$(dirname "$0")/stage.sh"

rooms=10000 activities=1000 viewers=1000
if ((QUICK)); then
    rooms=1000 activities=100 viewers=100
fi
# A storm that leaves both cores room: at half of what the server can do, the tester's own core is what is short, and the
# quiet room's viewers share it.
LIGHT=4000

for ((round = 1; round <= ROUNDS; round++)); do
    echo "round $round of $ROUNDS"
    on_fresh_server one sale --viewers "$viewers"
    on_fresh_server many sale --viewers "$viewers" --rooms "$rooms" --activities "$activities"
    half="$(calc "$(figure one ops_per_s) / 2")"
    on_fresh_server light mixed --viewers 300 --rate "$LIGHT"
    on_fresh_server half mixed --viewers 300 --rate "$half"
    on_fresh_server full mixed --viewers 300
    note one "$(figure one server_cpu_us_per_op)"
    note many "$(figure many server_cpu_us_per_op)"
    note many-ratio "$(calc "$(figure many server_cpu_us_per_op) / $(figure one server_cpu_us_per_op)")"
    note half "$half"
    note light-ratio "$(figure light quiet_p99_ratio)"
    note half-ratio "$(figure half quiet_p99_ratio)"
    note full-ratio "$(figure full quiet_p99_ratio)"
done

row 'one room and activity: server CPU per claim' '' "$(median one) µs"
row "$rooms rooms, $activities activities: server CPU per claim" '' "$(median many) µs"
judge 'a claim among many ÷ alone' "$(median many-ratio)" at_most 1.2
judge "p99 in a quiet room, $LIGHT claims/s elsewhere ÷ alone" "$(median light-ratio)" at_most 2
judge "p99 in a quiet room, $(median half) claims/s elsewhere ÷ alone" "$(median half-ratio)" at_most 2
row 'p99 in a quiet room, all the server can do elsewhere ÷ alone' '' "$(median full-ratio)"
finish
