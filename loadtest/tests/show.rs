//! An evening with everything, small and short, after which every invariant must hold: the viewers' and the server's own.
#![allow(clippy::unwrap_used, reason = "a test that fails here fails as it should")]

mod served;

use std::path::Path;
use std::process::Command;

use liveroom::server::Server;
use serde_json::Value;

use served::{Redis, nodes, server};

/// Runs the tester against these servers, and gives back its result.
fn tester(scenario: &str, servers: &[Server], dir: &Path, options: &[&str]) -> Value {
    let json = dir.join("result.json");
    let mut tester = Command::new(env!("CARGO_BIN_EXE_liveroom-loadtest"));
    tester.args([scenario, "--warmup", "100ms"]).args(options);
    for server in servers {
        let ws = options.contains(&"ws");
        let target = if ws { server.ws } else { server.quic };
        tester.args(["--target", &target.to_string(), "--admin", &server.admin.to_string()]);
    }
    let output = tester.arg("--json").arg(&json).arg("--acks").arg(dir.join("acks")).output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{scenario} {options:?}: {}\n{words}", output.status);
    let result: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(result["ok"], true, "{scenario}: {result:#}");
    result
}

/// Whether everything that can be won was won.
fn everything_happened(result: &Value) {
    for act in result["acts"].as_array().unwrap() {
        assert!(act["winners"].as_u64().unwrap() > 0, "{act:#}");
    }
    let kinds: std::collections::BTreeSet<_> =
        result["acts"].as_array().unwrap().iter().map(|act| act["kind"].as_str().unwrap()).collect();
    for kind in [
        "red_packet_rain",
        "flash_sale",
        "coupon_drop",
        "watch_task",
        "check_in",
        "poll",
        "enrolment",
        "lucky_bag",
        "newcomer_bag",
        "code_bag",
        "keyword_draw",
        "mic_draw",
    ] {
        assert!(kinds.contains(kind), "{kind} was not on: {kinds:?}");
    }
    assert!(result["gifts"]["coins"].as_i64().unwrap() > 0);
    let invariants = result["invariants"].as_object().unwrap();
    let audited = invariants.keys().filter(|name| name.starts_with("audit/")).count();
    assert!(audited >= 10 && invariants.len() - audited >= 20, "{invariants:?}");
    assert!(result["audited_events"].as_u64().unwrap() > 100);
}

#[test]
fn every_mechanic_has_a_scenario_that_comes_out_right() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let rows = [
        ("watch-task", "quic"),
        ("check-in", "ws"),
        ("gifts", "quic"),
        ("enrolment", "quic"),
        ("bags", "ws"),
        ("template", "quic"),
        ("campaign", "ws"),
    ];
    for (scenario, transport) in rows {
        let dir = tempfile::tempdir().unwrap();
        let servers = [runtime.block_on(server(&dir))];
        let options = ["--viewers", "20", "--duration", "5s", "--transport", transport];
        let result = tester(scenario, &servers, dir.path(), &options);
        assert!(result["completed"].as_u64().unwrap() >= 20, "{scenario}: {result:#}");
        let [server] = servers;
        runtime.block_on(server.stop());
    }
}

#[test]
fn a_show_on_one_server_comes_out_right() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let servers = [runtime.block_on(server(&dir))];
    let (data, html) = (dir.path().join("data"), dir.path().join("show.html"));
    let (data, page) = (data.to_str().unwrap(), html.to_str().unwrap());
    let options = ["--viewers", "60", "--duration", "24s", "--seed", "7", "--data-dir", data, "--html", page];
    let result = tester("show", &servers, dir.path(), &options);
    everything_happened(&result);
    assert_eq!(result["seed"], 7);
    let page = std::fs::read_to_string(&html).unwrap();
    assert!(page.contains("everything held") && page.contains("福袋"));
    let [server] = servers;
    runtime.block_on(server.stop());
}

#[test]
fn a_show_on_two_servers_that_share_a_redis_comes_out_right() {
    let redis = Redis::start();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let dirs: Vec<_> = (0..2).map(|_| tempfile::tempdir().unwrap()).collect();
    let servers = runtime.block_on(nodes(&dirs, &redis));
    let store = format!("redis://127.0.0.1:{}", redis.port);
    let options = ["--viewers", "60", "--duration", "24s", "--seed", "8", "--store", &store];
    let result = tester("show", &servers, dirs[0].path(), &options);
    everything_happened(&result);
    servers.into_iter().for_each(|server| runtime.block_on(server.stop()));
}
