#!/usr/bin/env bash
# Claims through the keeper that nodes share, beside one function call for each claim on the same Redis: per second, in
# memory and with every append synced; what they cost the node, beside the embedded keeper; and what three stripes on three
# primaries cost Redis, beside one. Redis keeps to core 0 and whoever asks it to core 1; the three primaries share core 0, so
# that scaling is shown by accounting: decisions per second of Redis' CPU.
set -euo pipefail
BENCH=keeper
source "$(dirname "$0")/stage.sh"

BATCHES=(256 512 1024)
CLAIMS=600000 CALLS=150000 SYNCED_CALLS=40000
if ((QUICK)); then
    BATCHES=(512) CLAIMS=50000 CALLS=20000 SYNCED_CALLS=5000
fi
REDIS_PIDS=()

end_all() {
    for pid in "${REDIS_PIDS[@]:-}"; do
        [[ -z "$pid" ]] || { kill -KILL "$pid" && wait "$pid"; } 2>/dev/null || true
    done
    clean_up
}
trap end_all EXIT

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# start_redis [SETTING…]: sets PORT.
start_redis() {
    PORT="$(free_port)"
    mkdir "$SCRATCH/redis-$PORT"
    taskset -c "$SERVER_CORE" redis-server --port "$PORT" --bind 127.0.0.1 --dir "$SCRATCH/redis-$PORT" --save '' "$@" \
        >"$SCRATCH/redis-$PORT.log" &
    REDIS_PIDS+=($!)
    until redis-cli -p "$PORT" ping >/dev/null 2>&1; do sleep 0.05; done
}

# keeper NAME WHERE [OPTION…]: the figures of a storm, in $SCRATCH/NAME.json.
keeper() {
    local name="$1"
    shift
    taskset -c "$TESTER_CORE" "$PROGRAM" "$@" --claims "$CLAIMS" >"$SCRATCH/$name.json"
}

# redis_cpu PORT…: seconds of CPU that these servers have had.
redis_cpu() {
    for port in "$@"; do
        redis-cli -p "$port" info cpu
    done | tr -d '\r' | awk -F: '/^used_cpu_(sys|user):/ { sum += $2 } END { printf "%.6f", sum }'
}

# spent BEFORE PORT…: the same since BEFORE.
spent() {
    awk "BEGIN { printf \"%.6f\", $(redis_cpu "${@:2}") - $1 }"
}

# calls PORT: function calls that a server has answered.
calls() {
    redis-cli -p "$1" info commandstats | tr -d '\r' | sed -n 's/^cmdstat_fcall:calls=\([0-9]*\),.*/\1/p'
}

# one_by_one PORT CALLS: claims per second, each a call over one of 50 connections.
one_by_one() {
    local keys=(4 '{c}:activity' '{c}:shares' '{c}:receipts' '{c}:outbox')
    redis-cli -p "$1" -x function load replace <benches/redis/claim.lua >/dev/null
    redis-cli -p "$1" fcall open "${keys[@]}" "$2" >/dev/null
    taskset -c "$TESTER_CORE" redis-benchmark -p "$1" -c 50 -n "$2" -r 1000000000 --csv \
        fcall claim "${keys[@]}" __rand_int__ | tail -n 1 | awk -F'"' '{ print int($4) }'
    redis-cli -p "$1" del "${keys[@]:1}" >/dev/null
}

start_redis
memory="$PORT"
start_redis --appendonly yes --appendfsync always
fsync="$PORT"

for ((round = 1; round <= ROUNDS; round++)); do
    echo "round $round of $ROUNDS"
    for level in memory fsync; do
        port="${!level}" count="$CALLS"
        [[ $level == memory ]] || count="$SYNCED_CALLS"
        one="$(one_by_one "$port" "$count")"
        note "$level-one" "$one"
        for batch in "${BATCHES[@]}"; do
            name="$level-$batch"
            before="$(redis_cpu "$port")"
            keeper "$name" "redis://127.0.0.1:$port" --batch "$batch" --durability "$level" --prefix "r$round-$batch"
            used="$(spent "$before" "$port")"
            note "$name" "$(figure "$name" claims_per_s)"
            note "$name-ratio" "$(calc "$(figure "$name" claims_per_s) / $one")"
            note "$name-node" "$(figure "$name" node_cpu_us_per_claim)"
            note "$name-redis" "$(calc "$used * 1000000 / $CLAIMS")"
            redis-cli -p "$port" flushall >/dev/null
        done
    done
    for batch in "${BATCHES[@]}"; do
        keeper "embedded-$batch" embedded --batch "$batch"
        note "embedded-$batch" "$(figure "embedded-$batch" claims_per_s)"
        note "embedded-$batch-node" "$(figure "embedded-$batch" node_cpu_us_per_claim)"
        for level in memory fsync; do
            cost="$(figure "$level-$batch" node_cpu_us_per_claim)"
            note "$level-$batch-node-ratio" "$(calc "$cost / $(figure "embedded-$batch" node_cpu_us_per_claim)")"
        done
    done
done

# Three primaries without replicas, and a log on each of them.
hosts=() ports=()
for _ in 1 2 3; do
    start_redis --cluster-enabled yes --cluster-port "$(free_port)"
    ports+=("$PORT") hosts+=("127.0.0.1:$PORT")
done
redis-cli --cluster create "${hosts[@]}" --cluster-yes >"$SCRATCH/cluster.log"
until redis-cli -p "${ports[2]}" cluster info | grep -q cluster_state:ok; do sleep 0.1; done
cluster="redis://$(IFS=,; echo "${hosts[*]}")?cluster=true"
# An entry costs Redis something, however little is in it. So three stripes are measured twice: with batches that make entries
# as large as those of one stripe, which is what three times the load comes to, and with the same batches, cut into three.
for ((round = 1; round <= ROUNDS; round++)); do
    for how in '1 1024' '3 3072' '3 1024'; do
        read -r stripes batch <<<"$how"
        for port in "${ports[@]}"; do redis-cli -p "$port" config resetstat >/dev/null; done
        before="$(redis_cpu "${ports[@]}")"
        keeper "stripes-$stripes-$batch" "$cluster" --batch "$batch" --durability memory --stripes "$stripes" \
            --prefix "s$round-$stripes-$batch"
        per_s="$(calc "$CLAIMS / $(spent "$before" "${ports[@]}")")"
        note "stripes-$stripes-$batch" "$per_s"
        if ((stripes == 1)); then
            one_stripe="$per_s"
        else
            note "stripes-$batch-ratio" "$(calc "$per_s / $one_stripe")"
            all=0
            for port in "${ports[@]}"; do all=$((all + $(calls "$port"))); done
            for port in "${ports[@]}"; do note share "$(calc "100 * $(calls "$port") / $all")"; done
        fi
    done
done

for level in memory fsync; do
    row "$level: one call for each claim, per second" '' "$(median "$level-one")"
    for batch in "${BATCHES[@]}"; do
        name="$level-$batch"
        row "$level, batches of $batch: claims per second" '' \
            "$(median "$name")  (node $(median "$name-node") µs, Redis $(median "$name-redis") µs each)"
    done
done
for batch in "${BATCHES[@]}"; do
    row "embedded, batches of $batch: claims per second" '' \
        "$(median "embedded-$batch")  (node $(median "embedded-$batch-node") µs each)"
done
judge 'memory, batches of 512 ÷ one call for each' "$(median memory-512-ratio)" at_least 5
judge 'fsync, batches of 512 ÷ one call for each' "$(median fsync-512-ratio)" at_least 4
judge 'node CPU for a claim, memory ÷ embedded, batches of 512' "$(median memory-512-node-ratio)" at_most 1.3
judge 'node CPU for a claim, fsync ÷ embedded, batches of 512' "$(median fsync-512-node-ratio)" at_most 1.3
row "one stripe, batches of 1024: claims per second of Redis' CPU" '' "$(median stripes-1-1024)"
row "three stripes, batches of 3072: claims per second of Redis' CPU" '' "$(median stripes-3-3072)"
row "three stripes, batches of 1024: claims per second of Redis' CPU" '' \
    "$(median stripes-3-1024)  ($(median stripes-1024-ratio) of one stripe)"
judge 'three stripes ÷ one, entries of the same size' "$(median stripes-3072-ratio)" at_least 0.8
judge 'calls at the primary that has least' "$(sort -n "$SCRATCH/noted-share" | head -n 1)" at_least 28 ' %'
judge 'calls at the primary that has most' "$(sort -n "$SCRATCH/noted-share" | tail -n 1)" at_most 38 ' %'
finish
