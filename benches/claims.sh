#!/usr/bin/env bash
# Claims per second over QUIC, decided and durable, and refusals of what is sold out, against a bare QUIC echo in the same
# run: the median of the rounds' ratios.
set -euo pipefail
source "$(dirname "$0")/stage.sh"

viewers=(--viewers 300)
for ((round = 1; round <= ROUNDS; round++)); do
    echo "round $round of $ROUNDS"
    limit echo "${viewers[@]}"
    echo_per_s="$(figure echo ops_per_s)"
    on_fresh_server sale sale "${viewers[@]}"
    on_fresh_server rain rain "${viewers[@]}"
    on_fresh_server sold_out sale --sold-out "${viewers[@]}"
    note echo "$echo_per_s"
    note echo_cpu "$(figure echo server_cpu_us_per_op)"
    for what in sale rain sold_out; do
        per_s="$(figure "$what" ops_per_s)"
        note "$what" "$per_s"
        note "$what-ratio" "$(calc "$per_s / $echo_per_s")"
        note "$what-cpu" "$(figure "$what" server_cpu_us_per_op)"
    done
done

row 'bare echo, per second' '' "$(median echo)  ($(median echo_cpu) µs of server CPU each)"
for what in sale rain sold_out; do
    row "$what, per second" '' "$(median $what)  ($(median $what-cpu) µs of server CPU each)"
done
judge 'durable orders ÷ echo' "$(median sale-ratio)" at_least 0.8
judge 'durable shares ÷ echo' "$(median rain-ratio)" at_least 0.8
judge 'sold-out refusals ÷ echo' "$(median sold_out-ratio)" at_least 0.9
finish
