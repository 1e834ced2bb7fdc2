#!/usr/bin/env bash
# What a claim costs when there is much else: 10,000 rooms with 1,000 open activities, and a storm in another room.
set -euo pipefail
source "$(dirname "$0")/stage.sh"

rooms=10000 activities=1000 viewers=1000
if ((QUICK)); then
    rooms=1000 activities=100 viewers=100
fi
for ((round = 1; round <= ROUNDS; round++)); do
    echo "round $round of $ROUNDS"
    on_fresh_server one sale --viewers "$viewers"
    on_fresh_server many sale --viewers "$viewers" --rooms "$rooms" --activities "$activities"
    half="$(calc "$(figure one ops_per_s) / 2")"
    on_fresh_server half mixed --viewers 300 --rate "$half"
    on_fresh_server full mixed --viewers 300
    note one "$(figure one server_cpu_us_per_op)"
    note many "$(figure many server_cpu_us_per_op)"
    note many-ratio "$(calc "$(figure many server_cpu_us_per_op) / $(figure one server_cpu_us_per_op)")"
    note half "$half"
    note half-ratio "$(figure half quiet_p99_ratio)"
    note full-ratio "$(figure full quiet_p99_ratio)"
done

row 'one room and activity: server CPU per claim' '' "$(median one) µs"
row "$rooms rooms, $activities activities: server CPU per claim" '' "$(median many) µs"
judge 'a claim among many ÷ alone' "$(median many-ratio)" at_most 1.2
judge "p99 in a quiet room, $(median half) claims/s elsewhere ÷ alone" "$(median half-ratio)" at_most 2
row 'p99 in a quiet room, all the server can do elsewhere ÷ alone' '' "$(median full-ratio)"
finish
