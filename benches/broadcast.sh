#!/usr/bin/env bash
# Deliveries of a host's messages to every viewer, against bare fan-outs in the same run.
#
# A tick of 10 ms, the shortest, keeps the server busy with 3,000 viewers: they would take 300,000 deliveries a second. With the
# usual 50 ms it would wait for its next tick half of the time. What 50 messages in a tick cost is compared for messages as long as a line of chat.
#
# A write that wakes its reader costs more than one to a reader who is busy, and flat out the bare server keeps the tester busy:
# so bare TCP writes are compared at the pace that the server came to. What they cost flat out is shown beside.
set -euo pipefail
source "$(dirname "$0")/stage.sh"

export LIVEROOM_ENGINE__TICK=10ms
viewers=(--viewers 3000)
for ((round = 1; round <= ROUNDS; round++)); do
    echo "round $round of $ROUNDS"
    limit fanout "${viewers[@]}"
    limit tcp-fanout "${viewers[@]}"
    mv "$SCRATCH/tcp-fanout.json" "$SCRATCH/tcp-flat-out.json"
    on_fresh_server quic broadcast "${viewers[@]}"
    TRANSPORT=ws on_fresh_server ws broadcast "${viewers[@]}"
    limit tcp-fanout "${viewers[@]}" --rate "$(figure ws ops_per_s)"
    on_fresh_server one broadcast "${viewers[@]}" --message-bytes 24
    on_fresh_server fifty broadcast "${viewers[@]}" --message-bytes 24 --messages-per-tick 50
    for what in fanout tcp-flat-out tcp-fanout quic ws one fifty; do
        note "$what" "$(figure "$what" ops_per_s)"
        note "$what-cpu" "$(figure "$what" server_cpu_us_per_op)"
    done
    note quic-ratio "$(calc "$(figure quic ops_per_s) / $(figure fanout ops_per_s)")"
    note ws-ratio "$(calc "$(figure ws server_cpu_us_per_op) / $(figure tcp-fanout server_cpu_us_per_op)")"
    note ws-flat-out-ratio \
        "$(calc "$(figure ws server_cpu_us_per_op) / $(figure tcp-flat-out server_cpu_us_per_op)")"
    note fifty-ratio "$(calc "$(figure fifty server_cpu_us_per_op) / $(figure one server_cpu_us_per_op)")"
done

for what in fanout tcp-flat-out tcp-fanout quic ws one fifty; do
    row "$what: deliveries per second" '' "$(median $what)  ($(median $what-cpu) µs of server CPU each)"
done
judge 'deliveries over QUIC ÷ bare uni-stream fan-out' "$(median quic-ratio)" at_least 0.9
judge 'CPU of a delivery over WebSocket ÷ of a bare TCP write' "$(median ws-ratio)" at_most 1.4
row 'the same ÷ of a bare TCP write flat out' '' "$(median ws-flat-out-ratio)"
judge 'CPU of a tick with 50 messages ÷ with one' "$(median fifty-ratio)" at_most 1.5
finish
