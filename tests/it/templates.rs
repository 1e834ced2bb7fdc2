//! Templates, recurrences and dry runs over the API.

use std::io::{Result, Write};
use std::sync::{Arc, Mutex};

use liveroom::engine::{Clock, Engine, EngineLimits};
use liveroom::gateway::WireEncoder;
use liveroom::rules::{ActivityTemplateId, Recurrence, Seed, Weekday, Zone};
use liveroom::store::{Ask, Bounds, MemoryKeeper, Op, Partition, TemplateAsk};
use serde_json::{Value, json};

use crate::served::tokens::now_s;
use crate::served::{Reply, Served, rain, run, sale};
use crate::stage::{self, START, Stage, room, user};

const TEMPLATES: &str = "/v1/rooms/r1/templates";
const RECURRENCES: &str = "/v1/rooms/r1/recurrences";
const ACTIVITIES: &str = "/v1/rooms/r1/activities";

fn plan(mut activity: Value) -> Value {
    activity["sponsor"] = json!("host");
    json!({ "plan": activity })
}

async fn get(served: &Served, path: &str) -> Value {
    served.operator("GET", path, Value::Null).await.expect(200)
}

async fn post(served: &Served, path: &str, body: Value) -> Reply {
    served.operator("POST", path, body).await
}

async fn delete(served: &Served, path: &str) -> String {
    served.operator("DELETE", path, Value::Null).await.told()
}

#[test]
fn saved_listed_had_again_and_deleted() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let path = |name: &str| format!("{TEMPLATES}/{name}");
        let put = async |name: &str, body: Value| served.operator("PUT", &path(name), body).await;
        let shape = put("shower", plan(rain(10))).await.expect(200);
        assert_eq!((&shape["template"], &shape["kind"]), (&json!("shower"), &json!("red_packet_rain")));
        let activity = served.draft("r1", sale(5, 100)).await;
        put("shop", json!({ "activity": activity })).await.expect(200);
        let names = |all: &Value| all.as_array().unwrap().iter().map(|one| one["template"].clone()).collect::<Vec<_>>();
        assert_eq!(names(&get(&served, TEMPLATES).await), ["shop", "shower"]);
        assert_eq!(get(&served, &path("shower")).await, shape);
        let opens_at_ms = 4_000_000_000_000_i64;
        let again = post(&served, &format!("{TEMPLATES}/shop/activities"), json!({ "opens_at_ms": opens_at_ms })).await;
        let again = again.expect(201);
        assert_eq!((&again["title"], &again["phase"]), (&json!("sale"), &json!("draft")));
        assert_eq!(again["opens_at_ms"], opens_at_ms);
        assert_eq!(delete(&served, &path("shop")).await, "204");
        for (what, reply, want) in [
            ("gone", served.operator("GET", &path("shop"), Value::Null).await, "404 unknown_template"),
            (
                "had again",
                post(&served, &format!("{TEMPLATES}/shop/activities"), json!({})).await,
                "404 unknown_template",
            ),
            ("deleted again", served.operator("DELETE", &path("shop"), Value::Null).await, "404 unknown_template"),
            ("of no activity", put("x", json!({ "activity": 999 })).await, "404 unknown_activity"),
            ("of nothing", put("x", json!({})).await, "422 invalid"),
            ("of two things", put("x", json!({ "activity": 1, "plan": rain(1) })).await, "422 invalid"),
            ("of what makes no sense", put("x", plan(rain(0))).await, "422 invalid"),
            ("under no name", put("a%20b", plan(rain(1))).await, "422 invalid"),
        ] {
            assert_eq!(reply.told(), want, "{what}");
        }
        served.is_well().await;
    });
}

/// A host plans with their own money only, whatever operators have saved there.
#[test]
fn hosts_let_nobody_else_pay() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let mut theirs = rain(10);
        theirs["sponsor"] = json!("brand");
        let activity = post(&served, ACTIVITIES, theirs.clone()).await.expect(201)["activity"].clone();
        let path = |name: &str| format!("{TEMPLATES}/{name}");
        served.operator("PUT", &path("theirs"), json!({ "plan": theirs })).await.expect(200);
        let drafts = format!("{TEMPLATES}/theirs/activities");
        let weekly = json!({ "template": "theirs", "days": ["monday"], "at": "20:00" });
        for (what, method, path, body) in [
            ("saved", "PUT", path("mine"), json!({ "plan": theirs })),
            ("saved as it was", "PUT", path("mine"), json!({ "activity": activity })),
            ("had again", "POST", drafts.clone(), json!({})),
            ("again and again", "POST", RECURRENCES.to_owned(), weekly.clone()),
        ] {
            let host = served.token("host", "host");
            let told = served.request(method, &path).bearer(&host).json(&body).send().await.told();
            assert_eq!(told, "403 forbidden", "{what}");
        }
        post(&served, &drafts, json!({})).await.expect(201);
        post(&served, RECURRENCES, weekly).await.expect(201);
        served.is_well().await;
    });
}

/// Every day, up to a week ahead: seven are there at once, each once, also after the server was started again.
#[test]
fn each_occurrence_once() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        served.operator("PUT", &format!("{TEMPLATES}/shower"), plan(rain(10))).await.expect(200);
        let week = 7 * 86_400_000;
        let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
        let daily =
            json!({ "template": "shower", "days": days, "at": "20:00", "zone": "Europe/Berlin", "ahead_ms": week });
        let made = post(&served, RECURRENCES, daily).await.expect(201);
        assert_eq!(
            (&made["recurrence"], &made["zone"], &made["at"]),
            (&json!(1), &json!("Europe/Berlin"), &json!("20:00"))
        );
        let scheduled = async |served: &Served| {
            let all = get(served, ACTIVITIES).await;
            let all = all.as_array().unwrap();
            let phases: Vec<_> = all.iter().map(|one| one["phase"].as_str().unwrap().to_owned()).collect();
            let mut times: Vec<_> = all.iter().map(|one| one["opens_at_ms"].as_i64().unwrap()).collect();
            times.dedup();
            (phases, times.len())
        };
        crate::served::until("a week is planned", async || {
            let (phases, times) = scheduled(&served).await;
            (phases.len() == 7 && times == 7 && phases.iter().all(|phase| phase == "scheduled")).then_some(())
        })
        .await;
        let Served { server, dir, .. } = served;
        server.stop().await;
        let served = Served::on(dir, |_| {}).await;
        let shape = get(&served, RECURRENCES).await[0].clone();
        assert_eq!((&shape["created"], &shape["missed"]), (&json!(7), &json!(0)));
        assert_eq!(scheduled(&served).await.0.len(), 7);
        for (what, path, want) in [
            ("goes on", "1/resume", "409 wrong_phase"),
            ("rests", "1/pause", "200"),
            ("goes on", "1/resume", "200"),
            ("another", "2/pause", "404 unknown_recurrence"),
        ] {
            assert_eq!(post(&served, &format!("{RECURRENCES}/{path}"), Value::Null).await.told(), want, "{what}");
        }
        assert_eq!(delete(&served, &format!("{TEMPLATES}/shower")).await, "409 conflict");
        assert_eq!(delete(&served, &format!("{RECURRENCES}/1")).await, "204");
        assert_eq!(delete(&served, &format!("{TEMPLATES}/shower")).await, "204");
        let trail = get(&served, "/v1/rooms/r1/trail").await;
        let done: Vec<_> = trail.as_array().unwrap().iter().map(|one| one["action"].as_str().unwrap()).collect();
        let want = [
            "create_room",
            "save_template shower",
            "create_recurrence 1",
            "pause_recurrence 1",
            "resume_recurrence 1",
            "end_recurrence 1",
            "delete_template shower",
        ];
        assert_eq!(done, want);
        assert!(trail.as_array().unwrap().iter().all(|one| one["by"] == "op" && one["at_ms"].as_i64() > Some(0)));
        served.is_well().await;
    });
}

/// What a recurrence made passes the same review as what a host hands in.
#[test]
fn what_the_filter_finds_stays_in_review() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let mut rude = rain(10);
        rude["title"] = json!("全网第一");
        served.operator("PUT", &format!("{TEMPLATES}/rude"), plan(rude)).await.expect(200);
        let ahead = json!({ "template": "rude", "days": ["monday"], "at": "20:00", "ahead_ms": 604_800_000 });
        post(&served, RECURRENCES, ahead).await.expect(201);
        let reviewed = crate::served::until("it is handed in", async || {
            let all = get(&served, ACTIVITIES).await;
            all.as_array().unwrap().iter().find(|one| one["phase"] == "review").cloned()
        })
        .await;
        assert!(reviewed["reasons"][0].as_str().unwrap().contains("第一"), "{reviewed}");
        served.is_well().await;
    });
}

#[test]
fn recurrences_that_make_no_sense() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        served.operator("PUT", &format!("{TEMPLATES}/shower"), plan(rain(10))).await.expect(200);
        let fine = json!({ "template": "shower", "days": ["monday", "friday"], "at": "20:00" });
        for (field, value, want) in [
            ("template", json!("other"), "404 unknown_template"),
            ("template", json!("a b"), "422 invalid"),
            ("days", json!([]), "422 invalid"),
            ("days", json!(["friday", "monday"]), "422 invalid"),
            ("days", json!(["monday", "monday"]), "422 invalid"),
            ("days", json!(["someday"]), "422 body_invalid"),
            ("at", json!("24:00"), "422 invalid"),
            ("at", json!("20:60"), "422 invalid"),
            ("at", json!("8:00"), "422 invalid"),
            ("at", json!("+8:00"), "422 invalid"),
            ("at", json!(""), "422 invalid"),
            ("zone", json!("Mars/Olympus"), "422 invalid"),
            ("zone", json!("../etc/passwd"), "422 invalid"),
            ("ahead_ms", json!(59_999), "422 invalid"),
            ("ahead_ms", json!(604_800_001), "422 invalid"),
            ("every", json!("week"), "422 body_invalid"),
        ] {
            let mut body = fine.clone();
            body[field] = value.clone();
            assert_eq!(post(&served, RECURRENCES, body).await.told(), want, "{field}: {value}");
        }
        assert_eq!(get(&served, RECURRENCES).await, json!([]), "nothing recurs");
        served.is_well().await;
    });
}

/// A dry run says what then happens, and nobody finds a trace of it.
#[test]
fn a_dry_run_is_told_and_leaves_no_trace() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let terms = json!({ "template": "ten", "title": "ten off", "threshold_fen": 0, "off_fen": 10, "scope": "shop",
            "group": "g", "quantity": 5, "valid_until_ms": (now_s() + 3_600) * 1_000 });
        let mut bare = sale(5, 100);
        bare["sale"]["skus"][0]["quality_report"] = Value::Null;
        let (rainy, shop) = (served.draft("r1", rain(10)).await, served.draft("r1", bare).await);
        let open = served.open("r1", rain(10)).await;
        let at = |activity: u64, what: &str| format!("{ACTIVITIES}/{activity}/{what}");
        let mut paid = rain(10);
        paid["sponsor"] = json!("host");
        let rows = [
            (
                "POST",
                ACTIVITIES.to_owned(),
                paid,
                json!({ "would": "drafted", "phase_after": "draft", "takes_fen": 1_000 }),
            ),
            (
                "POST",
                at(rainy, "schedule"),
                Value::Null,
                json!({ "would": "stepped", "phase_after": "scheduled", "takes_fen": 1_000, "activity": rainy }),
            ),
            ("POST", at(shop, "schedule"), Value::Null, json!({ "would": "rejected", "phase_after": "review" })),
            (
                "POST",
                at(open, "amendments"),
                json!({ "budget_fen": 200, "shares": 2 }),
                json!({ "would": "amended", "phase_after": "open", "takes_fen": 200 }),
            ),
            ("POST", at(open, "close"), Value::Null, json!({ "would": "stepped", "phase_after": "closed" })),
            (
                "POST",
                at(open, "cancel"),
                Value::Null,
                json!({ "would": "stepped", "phase_after": "cancelled", "gives_back_fen": 1_000 }),
            ),
            (
                "PUT",
                format!("{TEMPLATES}/shower"),
                plan(rain(5)),
                json!({ "would": "template_saved", "takes_fen": 500 }),
            ),
            ("POST", "/v1/rooms/r1/coupon-templates".to_owned(), terms, json!({ "would": "coupon_template_added" })),
            ("POST", "/v1/rooms/r1/broadcasts".to_owned(), Value::Null, json!({ "would": "broadcast_started" })),
        ];
        let trail = get(&served, "/v1/rooms/r1/trail").await;
        let before = get(&served, ACTIVITIES).await;
        for (method, path, body, want) in &rows {
            let told = served.operator(method, &format!("{path}?dry_run=true"), body.clone()).await.expect(200);
            assert_eq!(told["dry_run"], true, "{path}");
            for (field, value) in want.as_object().unwrap() {
                assert_eq!(&told[field], value, "{path}: {field} of {told}");
            }
        }
        let told =
            served.operator("POST", &format!("{}?dry_run=true", at(shop, "schedule")), Value::Null).await.expect(200);
        assert_eq!(told["problems"], json!(["item 1 names no quality report"]));
        for (what, path, want) in [
            ("what can't be done", format!("{}?dry_run=true", at(rainy, "close")), "409 wrong_phase"),
            ("no such activity", format!("{}?dry_run=true", at(999, "open")), "404 unknown_activity"),
            ("neither true nor false", format!("{}?dry_run=perhaps", at(rainy, "schedule")), "422 invalid"),
            ("misspelt", format!("{}?dryrun=true", at(rainy, "cancel")), "422 invalid"),
            ("what can't be told", "/v1/lexicons/reload?dry_run=true".to_owned(), "422 invalid"),
        ] {
            assert_eq!(post(&served, &path, Value::Null).await.told(), want, "{what}");
        }
        assert_eq!(get(&served, "/v1/rooms/r1/trail").await, trail, "audited nowhere");
        assert_eq!(get(&served, ACTIVITIES).await, before, "nothing has changed");
        // And then each happens.
        for (method, path, body, want) in &rows {
            if path.ends_with("cancel") {
                continue;
            }
            let status = served.operator(method, &format!("{path}?dry_run=false"), body.clone()).await.status;
            let reviewed = want["would"] == "rejected";
            assert_eq!(status >= 400, reviewed, "{path}: {status}");
        }
        served.is_well().await;
    });
}

/// What is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Other servers may know zones that this one does not: it says once of each recurrence that it leaves it to them.
#[test]
fn zones_that_are_not_known_are_warned_of() {
    let template = ActivityTemplateId::parse("shower").unwrap();
    let recur = |zone: Zone| {
        let utc = Recurrence {
            days: Weekday::ALL.to_vec(),
            at_min: 20 * 60,
            zone: Zone::Offset(0),
            ahead_ms: 3_600_000,
            hand_in: true,
        };
        let first = utc.first_after(START).unwrap();
        let rule = Box::new(Recurrence { zone, ..utc });
        Ask::Template(TemplateAsk::Recur { template, rule, first, seed: Seed([6; 32]) })
    };
    let unknown = |name: &str| Zone::Named(name.to_owned());
    let mut stage = Stage::new(MemoryKeeper::new(Bounds::default()));
    let plan = Box::new(stage::plan(stage::rain(2, 5)));
    stage.ask("host", Ask::Template(TemplateAsk::Save { template, plan }));
    for zone in [Zone::Offset(0), unknown("Mars/Olympus")] {
        stage.ask("host", recur(zone));
    }
    let (log, (keeper, clock)) = (Log::default(), (stage.keeper, Clock::manual(stage.now)));
    let warned = || String::from_utf8(std::mem::take(&mut *log.0.lock().unwrap())).unwrap();
    let to = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || to.clone()).finish();
    tracing::subscriber::with_default(subscriber, || {
        let (_engine, mut stepper) =
            Engine::stepped(Box::new(keeper), clock.clone(), Arc::new(WireEncoder), EngineLimits::default());
        let at_start = warned();
        assert_eq!(at_start.lines().count(), 1, "{at_start}");
        for part in ["WARN", "room=r1", "recurrence=2", "zone=Mars/Olympus"] {
            assert!(at_start.contains(part), "{part} in {at_start}");
        }
        for (zone, lines) in [(Zone::Offset(60), 0), (unknown("Mars/Elysium"), 1)] {
            let ask = recur(zone);
            let op = Op { partition: Partition::Room(room()), by: Some(user("host")), request: None, ask };
            let _answer = stepper.submit(op);
            stepper.turn().unwrap();
            let heard = warned();
            assert_eq!(heard.lines().filter(|line| line.contains("zone=Mars/Elysium")).count(), lines, "{heard}");
        }
        clock.advance(2 * 86_400_000);
        stepper.turn().unwrap();
        assert_eq!(warned(), "", "once");
    });
}
