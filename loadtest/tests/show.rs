//! An evening with everything, small and short, after which every invariant must hold: the viewers' and the server's own.
#![allow(clippy::unwrap_used, reason = "a test that fails here fails as it should")]

mod served;

use serde_json::Value;

use served::Served;

/// Whether everything that can be won was won.
fn everything_happened(result: &Value) {
    for act in result["acts"].as_array().unwrap() {
        // Nobody wins in a decoy.
        let came_to = if act["caught"].is_null() { "winners" } else { "caught" };
        assert!(act[came_to].as_u64().unwrap() > 0, "{act:#}");
    }
    let chatters = &result["cast"]["chatter"];
    assert!(chatters["fans_by_talk"].as_u64().unwrap() > 0, "nobody has talked themselves into a tier: {chatters:#}");
    for how in ["by_time", "released", "forfeited"] {
        assert!(result["held"][how].as_u64().unwrap() > 0, "{how}: {:#}", result["held"]);
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
        let served = Served::alone(&[]);
        let result = served.play(scenario, &["--viewers", "20", "--duration", "5s", "--transport", transport]);
        assert!(result["completed"].as_u64().unwrap() >= 20, "{scenario}: {result:#}");
        served.stop(scenario);
    }
}

#[test]
fn arms_of_an_experiment_bring_what_viewers_do() {
    for served in [Served::alone(&[]), Served::together(2, &[])] {
        let result = served.play("experiment", &["--viewers", "30", "--duration", "6s"]);
        for name in [
            "arms_follow_from_names",
            "arms_keep_to_themselves",
            "arms_bring_what_viewers_did",
            "arms_fill_by_weight",
            "nobody_changes_arms",
        ] {
            assert_eq!(result["invariants"][name], true, "{result:#}");
        }
        served.stop("experiment");
    }
}

#[test]
fn a_show_on_one_server_comes_out_right() {
    let served = Served::alone(&[]);
    let html = served.dir().join("show.html");
    let page = html.to_str().unwrap();
    let options = ["--viewers", "60", "--duration", "24s", "--seed", "7", "--html", page];
    let result = served.play("show", &options);
    everything_happened(&result);
    assert_eq!(result["seed"], 7);
    let page = std::fs::read_to_string(&html).unwrap();
    assert!(page.contains("everything held") && page.contains("福袋"));
    assert!(
        page.contains("返场秒杀 (of a template)")
            && page.contains("bargain hunters")
            && page.contains("by what they said")
    );
    served.stop("show");
}

#[test]
fn a_show_on_two_servers_that_share_a_redis_comes_out_right() {
    let served = Served::together(2, &[]);
    let result = served.play("show", &["--viewers", "60", "--duration", "24s", "--seed", "8"]);
    everything_happened(&result);
    served.stop("show");
}
