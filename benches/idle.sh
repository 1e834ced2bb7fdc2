#!/usr/bin/env bash
# What viewers who only are there cost the server in memory, against connections to a bare QUIC endpoint with the same
# transport settings in the same run.
set -euo pipefail
source "$(dirname "$0")/stage.sh"

count=5000
if ((QUICK)); then
    count=500
fi
SPAN=(--warmup 3s --duration 3s)
limit idle --viewers "$count"
on_fresh_server quic idle --viewers "$count"
TRANSPORT=ws on_fresh_server ws idle --viewers "$count"

bare="$(figure idle server_rss_bytes_per_conn)"
quic="$(figure quic server_rss_bytes_per_conn)"
ws="$(figure ws server_rss_bytes_per_conn)"
row "bare QUIC connection, bytes" '' "$bare"
row "viewer over QUIC, bytes" '' "$quic"
judge "$count viewers over QUIC ÷ bare connections" "$(calc "$quic / $bare")" at_most 1.25
judge "viewer over WebSocket" "$(calc "$ws / 1024")" at_most 16 ' KiB'
finish
