//! The HTTP API: whoever calls wrongly gets a problem document with a code, and nothing has happened.

use serde_json::{Value, json};

use crate::served::{Served, http, item, rain, run, sale, sale_of};

const ACTIVITIES: &str = "/v1/rooms/r1/activities";

/// A value with another at this place.
fn with(mut value: Value, place: &str, other: Value) -> Value {
    match value.pointer_mut(place) {
        Some(found) => *found = other,
        None => {
            let (parent, name) = place.rsplit_once('/').unwrap();
            value.pointer_mut(parent).unwrap()[name] = other;
        }
    }
    value
}

#[test]
fn numbers_that_are_none_of_ours() {
    const EXACT: i64 = 1 << 53;
    let rain_with = |name: &str, value: Value| with(rain(10), &format!("/rain/{name}"), value);
    let sku_with = |name: &str, value: Value| with(sale(10, 5), &format!("/sale/skus/0/{name}"), value);
    let mut rows: Vec<(String, Value, &str)> = Vec::new();
    let mut add = |what: &str, body: Value, want: &'static str| rows.push((what.to_owned(), body, want));
    for fen in [-1, i64::MIN, EXACT - 1, EXACT, EXACT + 1, i64::MAX] {
        add("budget", rain_with("budget_fen", json!(fen)), "422 invalid");
        add("smallest share", rain_with("share_min_fen", json!(fen)), "422 invalid");
        add("largest share", rain_with("share_max_fen", json!(fen)), "422 invalid");
        add("list price", sku_with("list_price_fen", json!(fen)), "422 invalid");
        add("sale price", sku_with("sale_price_fen", json!(fen)), "422 invalid");
        add("opening time", with(sale(10, 5), "/opens_at_ms", json!(fen)), "422 invalid");
    }
    for (what, body) in [
        ("no budget", rain_with("budget_fen", json!(0))),
        ("more packets than fen", rain_with("shares", json!(1_001))),
        ("far more packets than fen", rain_with("shares", json!(u32::MAX))),
        ("no shares", rain_with("shares", json!(0))),
        ("a smallest share of nothing", rain_with("share_min_fen", json!(0))),
        ("smallest shares beyond the budget", rain_with("share_min_fen", json!(101))),
        ("largest shares below the budget", rain_with("share_max_fen", json!(99))),
        ("a short rain", rain_with("duration_ms", json!(4_999))),
        ("a long rain", rain_with("duration_ms", json!(120_001))),
        ("a rain for ever", rain_with("duration_ms", json!(u64::MAX))),
        ("no grants", rain_with("grants_per_user", json!(0))),
        ("100 grants", rain_with("grants_per_user", json!(100))),
        ("more coupons than shares", rain_with("bonus", json!([{ "coupon": "c", "shares": 11 }]))),
        (
            "coupons beyond 32 bits",
            rain_with("bonus", json!([{ "coupon": "c", "shares": u32::MAX }, { "coupon": "d", "shares": 2 }])),
        ),
        ("a coupon without a name", rain_with("bonus", json!([{ "coupon": "", "shares": 1 }]))),
        ("shares and waves", rain_with("waves", json!([{ "after_ms": 0, "shares": 1 }]))),
        ("neither shares nor waves", rain_with("shares", Value::Null)),
        (
            "waves beyond 32 bits",
            with(
                rain_with("shares", Value::Null),
                "/rain/waves",
                json!([{ "after_ms": 0, "shares": u32::MAX }, { "after_ms": 1, "shares": u32::MAX }]),
            ),
        ),
        (
            "21 waves",
            with(
                rain_with("shares", Value::Null),
                "/rain/waves",
                (0..21).map(|n| json!({ "after_ms": n, "shares": 1 })).collect(),
            ),
        ),
        (
            "a wave after the end",
            with(rain_with("shares", Value::Null), "/rain/waves", json!([{ "after_ms": u64::MAX, "shares": 1 }])),
        ),
        ("a price of nothing", sku_with("sale_price_fen", json!(0))),
        ("a price above the list", sku_with("list_price_fen", json!(4))),
        ("no stock", sku_with("stock", json!(0))),
        ("stock beyond a pool", sku_with("stock", json!(10_000_001))),
        ("a limit of nothing", sku_with("per_user_limit", json!(0))),
        ("a short sale", with(sale(10, 5), "/sale/duration_ms", json!(999))),
        ("a long hold", with(sale(10, 5), "/sale/hold_ms", json!(u64::MAX))),
        ("a sale of nothing", sale_of(json!([]))),
        ("51 items", sale_of((0..51).map(|n| item(n, 1, 1, 1)).collect())),
        ("an item twice", sale_of(json!([item(1, 1, 1, 1), item(1, 1, 1, 1)]))),
        ("a long warm-up", with(sale(10, 5), "/warm_up_ms", json!(u64::MAX))),
        ("no wins a day", with(rain(10), "/limits", json!({ "per_room_day": 0 }))),
        (
            "a window of a year",
            with(rain(10), "/limits", json!({ "win_cap": { "wins": 1, "window_ms": 31_536_000_000_u64 } })),
        ),
        ("limits of a sale", with(sale(10, 5), "/limits", json!({ "per_room_day": 1 }))),
        ("both kinds", with(rain(10), "/sale", sale(1, 1)["sale"].clone())),
        ("no kind", json!({ "title": "t" })),
        ("no title", with(rain(10), "/title", json!(""))),
        ("a long title", with(rain(10), "/title", json!("t".repeat(201)))),
        ("a sponsor with braces", with(rain(10), "/sponsor", json!("{host}"))),
        ("a long certificate", sku_with("quality_report", json!("q".repeat(201)))),
    ] {
        add(what, body, "422 invalid");
    }
    for (what, body) in [
        ("a budget with a point", rain_with("budget_fen", json!(1.5))),
        ("a budget in words", rain_with("budget_fen", json!("1000"))),
        ("a budget beyond 64 bits", rain_with("budget_fen", json!(u64::MAX))),
        ("shares below zero", rain_with("shares", json!(-1))),
        ("shares beyond 32 bits", rain_with("shares", json!(1_u64 << 32))),
        ("another split", rain_with("split", json!("unfair"))),
        ("an unknown field", with(rain(10), "/colour", json!("red"))),
        ("an unknown field further in", rain_with("colour", json!("red"))),
        ("no duration", with(rain(10), "/rain", json!({ "budget_fen": 1, "shares": 1 }))),
        ("a list", json!([rain(10)])),
    ] {
        add(what, body, "422 body_invalid");
    }
    run(async {
        let served = Served::furnished(|_| {}).await;
        for (what, body, want) in rows {
            assert_eq!(served.operator("POST", ACTIVITIES, body.clone()).await.told(), want, "{what}: {body}");
        }
        let none = served.operator("GET", ACTIVITIES, Value::Null).await.expect(200);
        assert_eq!(none, json!([]), "nothing was drafted");
        served.is_well().await;
    });
}

#[test]
fn amendments_that_cannot_be() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let sale_id = served.open("r1", sale(10, 5)).await;
        let rain_id = served.open("r1", rain(10)).await;
        let draft = served.draft("r1", sale(10, 5)).await;
        for (activity, body, want) in [
            (sale_id, json!({}), "422 invalid"),
            (sale_id, json!({ "stock": [{ "sku": 1, "units": 0 }] }), "422 invalid"),
            (sale_id, json!({ "stock": [{ "sku": 2, "units": 1 }] }), "404 unknown_sku"),
            (sale_id, json!({ "stock": [{ "sku": 1, "units": -11 }] }), "422 invalid"),
            (sale_id, json!({ "stock": [{ "sku": 1, "units": i32::MIN }] }), "422 invalid"),
            (sale_id, json!({ "stock": [{ "sku": 1, "units": i32::MAX }] }), "422 invalid"),
            (sale_id, json!({ "stock": [{ "sku": 1, "units": 1_i64 << 31 }] }), "422 body_invalid"),
            (sale_id, json!({ "stock": [{ "sku": 1, "units": 1 }, { "sku": 1, "units": 1 }] }), "422 invalid"),
            (sale_id, json!({ "stock": vec![json!({ "sku": 1, "units": 1 }); 51] }), "422 invalid"),
            (sale_id, json!({ "budget_fen": 100 }), "422 invalid"),
            (sale_id, json!({ "extend_ms": u64::MAX }), "422 invalid"),
            (rain_id, json!({ "budget_fen": -1, "shares": 1 }), "422 invalid"),
            (rain_id, json!({ "budget_fen": 1, "shares": 2 }), "422 invalid"),
            (rain_id, json!({ "budget_fen": 100 }), "422 invalid"),
            (rain_id, json!({ "budget_fen": i64::MAX, "shares": 1 }), "422 invalid"),
            (rain_id, json!({ "budget_fen": 4_000_000_000_i64, "shares": u32::MAX }), "422 invalid"),
            (rain_id, json!({ "stock": [{ "sku": 1, "units": 1 }] }), "422 invalid"),
            (rain_id, json!({ "budget_fen": 999_999_999_i64, "shares": 1 }), "422 invalid"),
            (draft, json!({ "extend_ms": 1 }), "409 wrong_phase"),
            (99, json!({ "extend_ms": 1 }), "404 unknown_activity"),
        ] {
            let told =
                served.operator("POST", &format!("{ACTIVITIES}/{activity}/amendments"), body.clone()).await.told();
            assert_eq!(told, want, "{activity}: {body}");
        }
        for (activity, step, want) in [
            (draft, "open", "409 wrong_phase"),
            (draft, "close", "409 wrong_phase"),
            (sale_id, "open", "409 wrong_phase"),
            (sale_id, "schedule", "409 wrong_phase"),
            (sale_id, "settle", "404 not_found"),
            (99, "open", "404 unknown_activity"),
            (0, "open", "404 unknown_activity"),
            (u64::MAX, "open", "404 unknown_activity"),
        ] {
            assert_eq!(served.step("r1", activity, step).await.told(), want, "{step} of {activity}");
        }
        let unreviewed = with(sale(10, 5), "/sale/skus/0/quality_report", Value::Null);
        let unreviewed = served.draft("r1", unreviewed).await;
        assert_eq!(served.step("r1", unreviewed, "schedule").await.told(), "409 review_failed");
        let dear = served.draft("r1", with(rain(10), "/rain/budget_fen", json!(9_000_000_000_000_i64))).await;
        assert_eq!(served.step("r1", dear, "schedule").await.told(), "409 insufficient_funds");
        served.is_well().await;
    });
}

#[test]
fn callers_do_only_what_is_theirs() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let other =
            served.operator("POST", "/v1/rooms/r2/activities", sale(10, 5)).await.expect(201)["activity"].clone();
        let others_path = format!("/v1/rooms/r2/activities/{other}");
        let crossed_path = format!("/v1/rooms/r1/activities/{other}");
        let topped = json!({ "currency": "fen", "amount": 1 });
        for (user, role, method, path, body, want) in [
            ("ann", "viewer", "GET", "/v1/rooms/r1", Value::Null, "403 forbidden"),
            ("ann", "viewer", "PUT", "/v1/rooms/r3", json!({}), "403 forbidden"),
            ("ann", "viewer", "POST", ACTIVITIES, sale(10, 5), "403 forbidden"),
            ("host", "viewer", "POST", ACTIVITIES, sale(10, 5), "403 forbidden"),
            ("host", "host", "GET", "/v1/rooms/r2", Value::Null, "403 forbidden"),
            ("host", "host", "GET", "/v1/rooms/r2/trail", Value::Null, "403 forbidden"),
            ("host", "host", "GET", "/v1/rooms/r9", Value::Null, "403 forbidden"),
            ("host", "host", "POST", "/v1/rooms/r2/activities", sale(10, 5), "403 forbidden"),
            ("host", "host", "POST", &format!("{others_path}/open"), Value::Null, "403 forbidden"),
            ("host", "host", "POST", &format!("{others_path}/cancel"), Value::Null, "403 forbidden"),
            ("host", "host", "POST", &format!("{others_path}/amendments"), json!({ "extend_ms": 1 }), "403 forbidden"),
            ("host", "host", "POST", &format!("{crossed_path}/schedule"), Value::Null, "404 unknown_activity"),
            ("host", "host", "GET", &crossed_path, Value::Null, "404 unknown_activity"),
            ("host", "host", "POST", ACTIVITIES, with(sale(10, 5), "/sponsor", json!("other")), "403 forbidden"),
            ("host", "host", "PUT", "/v1/rooms/r3", json!({ "host": "other" }), "403 forbidden"),
            ("host", "host", "GET", "/v1/wallets/other", Value::Null, "403 forbidden"),
            ("host", "host", "POST", "/v1/wallets/host/top-ups", topped.clone(), "403 forbidden"),
            ("ann", "viewer", "POST", "/v1/wallets/ann/top-ups", topped, "403 forbidden"),
            ("op", "operator", "GET", "/v1/rooms/r9", Value::Null, "404 unknown_room"),
            ("op", "operator", "PUT", "/v1/rooms/r1", json!({}), "409 conflict"),
            ("host", "host", "GET", "/v1/rooms/r1", Value::Null, "200"),
            ("host", "host", "POST", ACTIVITIES, sale(10, 5), "201"),
            ("ann", "viewer", "GET", "/v1/wallets/ann", Value::Null, "200"),
        ] {
            let call = served.request(method, path).header("Idempotency-Key", "k").bearer(&served.token(user, role));
            assert_eq!(call.json(&body).send().await.told(), want, "{user} ({role}): {method} {path}");
        }
        served.is_well().await;
    });
}

#[test]
fn ids_and_addresses_that_are_none() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let long = format!("/v1/rooms/{}", "r".repeat(40));
        let longest = format!("/v1/rooms/{}", "r".repeat(8_000));
        for (method, path, want) in [
            ("GET", "/v1/rooms/%7Br1%7D", "422 invalid"),
            ("GET", "/v1/rooms/r1%0D%0AX:y", "422 invalid"),
            ("GET", "/v1/rooms/r1%00", "422 invalid"),
            ("GET", "/v1/rooms/r%2F1", "422 invalid"),
            ("GET", "/v1/rooms/%EF%BD%92", "422 invalid"),
            ("GET", "/v1/rooms/%FF", "404 not_found"),
            ("GET", "/v1/rooms/%FF/trail", "404 not_found"),
            ("GET", "/v1/wallets/%FF", "404 not_found"),
            ("GET", "/v1/rooms/%FF/activities/1", "404 not_found"),
            ("GET", long.as_str(), "422 invalid"),
            ("GET", longest.as_str(), "422 invalid"),
            ("GET", "/v1/rooms/", "404 not_found"),
            ("GET", "/v1/rooms/r1/activities/x", "404 not_found"),
            ("GET", "/v1/rooms/r1/activities/-1", "404 not_found"),
            ("GET", "/v1/rooms/r1/activities/18446744073709551616", "404 not_found"),
            ("GET", "/v1/rooms/r1/activities/1.5", "404 not_found"),
            ("GET", "/v1/rooms/r1/nothing", "404 not_found"),
            ("GET", "/", "404 not_found"),
            ("GET", "/../../etc/passwd", "404 not_found"),
            ("DELETE", "/v1/rooms/r1", "405 method_not_allowed"),
            ("POST", "/v1/rooms/r1", "405 method_not_allowed"),
            ("GET", "/v1/rooms/r1/activities/1/open", "405 method_not_allowed"),
            ("POST", "/healthz", "405 method_not_allowed"),
            ("PATCH", "/metrics", "405 method_not_allowed"),
        ] {
            assert_eq!(served.operator(method, path, Value::Null).await.told(), want, "{method} {path}");
        }
        // What is not even HTTP is answered by a status alone, or by the end of the connection.
        for bytes in [&b"GARBAGE\r\n\r\n"[..], b"GET / HTTP/9.9\r\n\r\n", b"GET /a b HTTP/1.1\r\n\r\n"] {
            let reply = http::exchange(served.server.admin, bytes).await;
            assert_eq!(reply.status, 400, "{reply:?}");
        }
        served.is_well().await;
    });
}

#[test]
fn bodies_that_are_none() {
    run(async {
        let served = Served::furnished(|config| config.admin.body_bytes_max = 64 * 1024).await;
        let operator = served.token("op", "operator");
        let good = sale(10, 5).to_string();
        let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
        let rows: Vec<(&str, &str, Vec<u8>, &str)> = vec![
            ("no body", "application/json", vec![], "400 body_invalid"),
            ("cut", "application/json", good.as_bytes()[..good.len() - 1].to_vec(), "400 body_invalid"),
            ("something behind", "application/json", format!("{good}x").into_bytes(), "400 body_invalid"),
            ("not UTF-8", "application/json", b"{\"title\":\"\xc3\x28\"}".to_vec(), "400 body_invalid"),
            ("nested deeply", "application/json", deep.into_bytes(), "422 body_invalid"),
            (
                "a field twice",
                "application/json",
                good.replacen('{', "{\"title\":\"a\",", 1).into_bytes(),
                "422 body_invalid",
            ),
            ("null", "application/json", b"null".to_vec(), "422 body_invalid"),
            ("of another type", "text/plain", good.clone().into_bytes(), "415 not_json"),
            ("a form", "application/x-www-form-urlencoded", b"title=a".to_vec(), "415 not_json"),
            (
                "too large",
                "application/json",
                format!("{good}{}", " ".repeat(64 * 1024)).into_bytes(),
                "413 body_too_large",
            ),
        ];
        for (what, kind, body, want) in rows {
            let call = served.request("POST", ACTIVITIES).bearer(&operator).header("Content-Type", kind).body(body);
            assert_eq!(call.send().await.told(), want, "{what}");
        }
        let untyped = served.request("POST", ACTIVITIES).bearer(&operator).body(good.clone()).send().await;
        assert_eq!(untyped.told(), "415 not_json");
        for (what, header) in [
            ("no scheme", operator.clone()),
            ("another scheme", format!("Basic {operator}")),
            ("no header", String::new()),
        ] {
            let call = served.request("GET", "/v1/rooms/r1").header("Authorization", &header);
            assert_eq!(call.send().await.told(), "401 token_missing", "{what}");
        }
        assert_eq!(served.request("GET", "/v1/rooms/r1").send().await.told(), "401 token_missing");
        let none = served.operator("GET", ACTIVITIES, Value::Null).await.expect(200);
        assert_eq!(none, json!([]), "nothing was drafted");
        served.is_well().await;
    });
}

#[test]
fn a_key_names_one_call() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let operator = served.token("op", "operator");
        let call = async |path: &str, key: &str, body: Value| {
            served.request("POST", path).bearer(&operator).header("Idempotency-Key", key).json(&body).send().await
        };
        let money = |amount: i64| json!({ "currency": "fen", "amount": amount });
        let ann = "/v1/wallets/ann/top-ups";
        for (key, body, want) in [
            ("k1", money(100), "201"),
            ("k1", money(100), "201"),
            ("k1", money(101), "409 conflict"),
            ("k1", json!({ "currency": "coins", "amount": 100 }), "409 conflict"),
            ("k2", money(0), "422 invalid"),
            ("k2", money(-5), "422 invalid"),
            ("k2", money((1 << 53) + 1), "422 invalid"),
            ("k2", money(i64::MAX), "422 invalid"),
            ("k2", money(i64::MIN), "422 invalid"),
            ("k2", json!({ "currency": "gold", "amount": 1 }), "422 body_invalid"),
            ("k2", money(5), "201"),
            ("", money(5), "422 invalid"),
        ] {
            assert_eq!(call(ann, key, body.clone()).await.told(), want, "{key} {body}");
        }
        let long = "k".repeat(129);
        assert_eq!(call(ann, &long, money(5)).await.told(), "422 invalid");
        let unnamed = served.operator("POST", ann, money(5)).await;
        assert_eq!(unnamed.told(), "400 idempotency_key_missing");
        assert_eq!(served.operator("GET", "/v1/wallets/ann", Value::Null).await.expect(200)["fen"], 105);
        let drafted = [call(ACTIVITIES, "k1", sale(10, 5)).await, call(ACTIVITIES, "k1", sale(10, 5)).await];
        let [first, again] = drafted.map(|reply| reply.expect(201));
        assert_eq!(first, again, "a repeat gets the first answer");
        assert_eq!(call(ACTIVITIES, "k1", sale(11, 5)).await.told(), "409 conflict");
        let path = format!("{ACTIVITIES}/{}/schedule", first["activity"]);
        assert_eq!(call(&path, "k1", Value::Null).await.told(), "409 conflict", "in one room a key names one call");
        served.is_well().await;
    });
}
