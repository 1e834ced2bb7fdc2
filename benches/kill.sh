#!/usr/bin/env bash
# A sale under load while the server is killed with -9, ten times, at random. After each, the log and every acknowledgement
# that viewers had received by then are audited on the stopped data; then the server comes back and the sale goes on.
# In the end the viewers' books have to agree with the server's, and whoever asked twice was told the same.
set -euo pipefail
source "$(dirname "$0")/stage.sh"

kills=10 span=130s
if ((QUICK)); then
    kills=2 span=25s
fi
acks="$SCRATCH/acks"

start_server data
export REUSE=1
"$BIN/liveroom-loadtest" sale --target "$QUIC" --admin "$ADMIN" --viewers 200 --rate 1000 \
    --warmup 1s --duration "$span" --tester-core "$TESTER_CORE" --acks "$acks" --json "$SCRATCH/sale.json" \
    >"$SCRATCH/out" 2>&1 &
tester=$!
until [[ -s "$acks" ]]; do
    kill -0 "$tester"
    sleep 0.1
done

# audit WHEN: whether the stopped data holds everything.
audit() {
    local verdict
    if "$BIN/liveroom" audit --data-dir "$DATA" --acks "$acks" >"$SCRATCH/audit.json" 2>"$SCRATCH/audit.err"; then
        verdict=ok
    else
        verdict=BROKEN
        MISSED=1
        cat "$SCRATCH/audit.json" "$SCRATCH/audit.err"
    fi
    row "$1: $(wc -l <"$acks") acknowledgements" audit "$verdict"
}

for ((kill = 1; kill <= kills; kill++)); do
    # A kill counts while the sale is under way: not before viewers have come back from the one before.
    before="$(stat -c %s "$acks")"
    until (($(stat -c %s "$acks") > before)); do
        kill -0 "$tester"
        sleep 0.05
    done
    sleep "$((RANDOM % 4)).$((RANDOM % 900 + 100))"
    kill_server -KILL
    audit "after kill $kill"
    start_server data
done

if wait "$tester"; then
    verdict=ok
else
    verdict=BROKEN
    MISSED=1
    cat "$SCRATCH/out"
fi
row "sale: $(figure sale granted) orders, $(figure sale reconnects) lines replaced, $(figure sale repeats) asked twice" 'books agree' "$verdict"
kill_server -TERM
audit 'in the end'
finish
