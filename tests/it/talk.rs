//! What viewers say to a room: what everybody hears, what only the author sees, and the lexicons that decide it.

use std::fs;

use liveroom_protocol::client::{Client, ConnectError, Event, Events, Outcome, RoomView};
use liveroom_protocol::wire::activity_state::Kind;
use liveroom_protocol::wire::room_event::Body;
use liveroom_protocol::wire::{Comment, GoodbyeCode, Phase, client_frame};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::served::{Over, PATIENCE, Served, run, until};

/// Somebody in the room, and what they have heard.
struct Listener {
    client: Client,
    events: Events,
    said: Vec<(String, String)>,
    hearts: u64,
}

impl Listener {
    async fn enter(served: &Served, over: Over, user: &str) -> Self {
        let (client, events) = served.client(over, "r1", user).await;
        Self { client, events, said: Vec::new(), hearts: 0 }
    }

    async fn until(&mut self, what: &str, so: impl Fn(&Self) -> bool) {
        let listen = async {
            while !so(self) {
                let Event::Tick(tick) = self.events.next().await.expect("a client that goes on") else { continue };
                for event in tick.events {
                    match event.body {
                        Some(Body::Said(said)) => self.said.push((said.from, said.text)),
                        Some(Body::Likes(likes)) => self.hearts += likes.hearts,
                        _ => {}
                    }
                }
            }
        };
        timeout(PATIENCE, listen).await.unwrap_or_else(|_| panic!("in vain: {what}"));
    }

    /// What a comment comes to: `done`, or the code and what it says.
    async fn says(&self, text: &str) -> String {
        match self.client.comment(text).await.unwrap() {
            Outcome::Done => "done".to_owned(),
            Outcome::NotDone { code, detail } => format!("{}: {detail}", code.word()),
            other => panic!("{text}: {other:?}"),
        }
    }
}

/// The lines that were written of what viewers did.
fn behaviour(served: &Served) -> Vec<Value> {
    let dir = served.config.events_dir().unwrap();
    let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("behaviour-"));
    files
        .flat_map(|path| fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect::<Vec<_>>())
        .map(|line| serde_json::from_str(&line).unwrap())
        .collect()
}

#[test]
fn what_passes_is_heard_by_all_and_what_does_not_only_by_its_author() {
    run(async {
        let served = Served::furnished(|config| config.rates.comment.burst = 100).await;
        let mut amy = Listener::enter(&served, Over::Quic, "amy").await;
        let mut bob = Listener::enter(&served, Over::Ws, "bob").await;
        for (text, want) in [
            ("主播好", "done"),
            ("你这个傻\u{200b}逼", "blocked: abuse"),
            ("加 V 信", "blocked: contact"),
            ("全国第ー", "blocked: advertising"),
            ("最近怎么样", "done"),
            ("", "invalid: a comment has 1 to 600 bytes, and something in them"),
            (" \u{3000}", "invalid: a comment has 1 to 600 bytes, and something in them"),
            (&"长".repeat(201), "invalid: a comment has 1 to 600 bytes, and something in them"),
            ("666", "done"),
            ("666", "done"),
            ("６６６", "done"),
            ("666", "muted: the same was said too often"),
        ] {
            assert_eq!(amy.says(text).await, want, "{text:.40}");
        }
        assert_eq!(bob.says("好的").await, "done");
        let (host, _events) =
            Client::connect(served.options(Over::Quic, "r1", served.token("host", "host"))).await.unwrap();
        let Ok(Outcome::NotDone { code, detail }) = host.announce("全国第一的手艺").await else {
            panic!("it is banned")
        };
        assert_eq!((code.word(), detail.as_str()), ("blocked", "advertising"));
        let want: Vec<_> = [
            ("amy", "主播好"),
            ("amy", "最近怎么样"),
            ("amy", "666"),
            ("amy", "666"),
            ("amy", "６６６"),
            ("bob", "好的"),
        ]
        .map(|(from, text)| (from.to_owned(), text.to_owned()))
        .into();
        for listener in [&mut amy, &mut bob] {
            listener.until("all comments", |it| it.said.len() >= want.len()).await;
            assert_eq!(listener.said, want);
        }
        assert_eq!((served.metric("comments").await, served.metric("comments_held").await), (6, 4));
        let lines =
            until("everything is written", async || Some(behaviour(&served)).filter(|lines| lines.len() == 11)).await;
        let blocked: Vec<_> = lines.iter().filter(|line| line["kind"] == "comment_blocked").collect();
        assert_eq!(blocked.iter().filter(|line| line["user"] == "amy" && line["room"] == "r1").count(), 3);
        assert_eq!(blocked.iter().filter(|line| line["user"] == "host").count(), 1);
        assert_eq!(served.metric("behaviour_dropped").await, 0);
        served.is_well().await;
    });
}

#[test]
fn hearts_are_summed_and_bounded() {
    run(async {
        let served = Served::furnished(|config| config.rates.like.burst = 4).await;
        let mut amy = Listener::enter(&served, Over::Quic, "amy").await;
        let mut bob = Listener::enter(&served, Over::Ws, "bob").await;
        for (hearts, want) in [(1, None), (20, None), (0, Some("invalid")), (21, Some("invalid"))] {
            let code = match amy.client.like(hearts).await.unwrap() {
                Outcome::Done => None,
                Outcome::NotDone { code, .. } => Some(code.word()),
                other => panic!("{other:?}"),
            };
            assert_eq!(code, want, "{hearts} hearts");
        }
        assert_eq!(bob.client.like(5).await, Ok(Outcome::Done));
        for listener in [&mut amy, &mut bob] {
            listener.until("26 hearts", |it| it.hearts >= 26).await;
            assert_eq!(listener.hearts, 26);
        }
    });
}

#[test]
fn lexicons_change_without_a_restart_and_a_bad_one_changes_nothing() {
    run(async {
        let lexicons = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| fs::write(lexicons.path().join(name), text).unwrap();
        file("memes.txt", "奥利给\n!奥利给力\n");
        let served = Served::furnished(|config| {
            config.rates.comment.burst = 100;
            config.talk.lexicon_dir = Some(lexicons.path().to_owned());
        });
        let served = served.await;
        let amy = Listener::enter(&served, Over::Quic, "amy").await;
        assert_eq!(amy.says("奥利给").await, "blocked: memes");
        assert_eq!(amy.says("奥利给力").await, "done");
        assert_eq!(amy.says("傻逼").await, "done", "the directory takes the place of what comes with the server");

        file("memes.txt", "绝绝子\n");
        file("rude.txt", "走开\n");
        let reload = async || served.operator("POST", "/v1/lexicons/reload", Value::Null).await;
        let shape = reload().await.expect(200);
        let categories = json!([{ "category": "memes", "banned": 1 }, { "category": "rude", "banned": 1 }]);
        assert_eq!(shape, json!({ "terms": 2, "categories": categories }));
        assert_eq!(amy.says("奥利给").await, "done");
        assert_eq!(amy.says("绝 绝 子").await, "blocked: memes");

        file("rude.txt", "走开\n\n！！\n");
        let problem = reload().await.expect(422);
        assert_eq!(problem["code"], "lexicon_invalid");
        let detail = "rude, line 3: has nothing that could be compared: no letter, no digit";
        assert_eq!(problem["detail"], detail);
        assert_eq!(amy.says("走开").await, "blocked: rude");

        // Nobody has to say so: the server looks by itself.
        file("rude.txt", "再见\n");
        until("the server sees the change", async || (amy.says("再 见").await == "blocked: rude").then_some(())).await;
        let viewer = served.token("amy", "viewer");
        served.request("POST", "/v1/lexicons/reload").bearer(&viewer).send().await.expect(403);
    });
}

/// What is known of an open poll or enrolment: its token.
async fn token(listener: &mut Listener, activity: u64) -> u64 {
    let mut view = RoomView::new();
    let listen = async {
        loop {
            view.apply(&listener.events.next().await.expect("a client that goes on"));
            if let Some(state) = view.activity(activity).filter(|state| state.phase() == Phase::Open) {
                break state.token;
            }
        }
    };
    timeout(PATIENCE, listen).await.expect("the room shows the activity")
}

#[test]
fn a_poll_counts_each_ballot_and_shows_the_result() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let poll = json!({ "title": "心愿单", "poll": { "options": ["红", "绿"], "changeable": true, "duration_ms": 60_000 } });
        let poll = served.open("r1", poll).await;
        let mut amy = Listener::enter(&served, Over::Quic, "amy").await;
        let bob = Listener::enter(&served, Over::Ws, "bob").await;
        let token = token(&mut amy, poll).await;
        for (who, options, want) in
            [(&amy, vec![1], Ok(Outcome::Done)), (&bob, vec![1], Ok(Outcome::Done)), (&amy, vec![2], Ok(Outcome::Done))]
        {
            assert_eq!(who.client.vote(poll, token, options).await, want);
        }
        let Ok(Outcome::NotDone { code, .. }) = bob.client.vote(poll, token, vec![3]).await else { panic!() };
        assert_eq!(code.word(), "invalid");
        let Ok(Outcome::Refused { code, .. }) = bob.client.vote(poll, token + 1, vec![1]).await else { panic!() };
        assert_eq!(code.word(), "not_open");
        served.step("r1", poll, "close").await.expect(200);
        let result = async {
            loop {
                let Event::Tick(tick) = amy.events.next().await.expect("a client that goes on") else { continue };
                let states = tick.events.into_iter().filter_map(|event| match event.body {
                    Some(Body::Activity(state)) if state.phase() == Phase::Settled => state.kind,
                    _ => None,
                });
                if let Some(Kind::Poll(poll)) = states.last() {
                    break poll.options.iter().map(|option| option.votes).collect::<Vec<_>>();
                }
            }
        };
        assert_eq!(timeout(PATIENCE, result).await.unwrap(), [1, 1]);
        assert_eq!(served.activity("r1", poll).await["tally"], json!({ "voters": 2, "votes": [1, 1] }));
    });
}

#[test]
fn an_enrolment_names_who_has_a_place() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let plan = json!({ "title": "报名", "enrolment": { "places": 1, "duration_ms": 60_000 } });
        let places = served.open("r1", plan).await;
        let mut amy = Listener::enter(&served, Over::Quic, "amy").await;
        let bob = Listener::enter(&served, Over::Ws, "bob").await;
        let token = token(&mut amy, places).await;
        assert_eq!(bob.client.sign_up(places, token).await, Ok(Outcome::Done));
        assert_eq!(amy.client.sign_up(places, token).await, Ok(Outcome::Done));
        served.step("r1", places, "close").await.expect(200);
        let shape = served.activity("r1", places).await;
        assert_eq!(shape["enrolment"], json!({ "signed_up": 2, "admitted": ["bob"] }));
    });
}

#[test]
fn a_host_mutes_and_bans_and_takes_it_back() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let mut amy = Listener::enter(&served, Over::Quic, "amy").await;
        let path = |what: &str| format!("/v1/rooms/r1/sanctions/{what}/amy");
        let impose = async |what: &str| served.operator("PUT", &path(what), json!({ "for_ms": 3_600_000 })).await;
        impose("mute").await.expect(200);
        assert_eq!(amy.says("主播好").await, "muted: the host has muted you");
        served.operator("DELETE", &path("mute"), Value::Null).await.expect(204);
        assert_eq!(amy.says("主播好").await, "done");
        served.operator("DELETE", &path("mute"), Value::Null).await.expect(409);
        served.operator("PUT", &path("kick"), json!({ "for_ms": 1_000 })).await.expect(422);
        served.operator("PUT", "/v1/rooms/r1/sanctions/ban/host", json!({ "for_ms": 1_000 })).await.expect(403);

        impose("ban").await.expect(200);
        let goodbye = async {
            loop {
                if let Event::Goodbye(goodbye) = amy.events.next().await.expect("a goodbye comes first") {
                    break goodbye.code();
                }
            }
        };
        assert_eq!(timeout(PATIENCE, goodbye).await.unwrap(), GoodbyeCode::Banned);
        let options = served.options(Over::Ws, "r1", served.token("amy", "viewer"));
        let Err(ConnectError::NotWelcomed(cause)) = Client::connect(options).await else { panic!("she is banned") };
        assert!(format!("{cause:?}").contains("banned"), "{cause:?}");
        let all = served.operator("GET", "/v1/rooms/r1/sanctions", Value::Null).await.expect(200);
        assert_eq!((&all[0]["user"], &all[0]["sanction"], all[1].is_null()), (&json!("amy"), &json!("ban"), true));
        served.operator("DELETE", &path("ban"), Value::Null).await.expect(204);
        Listener::enter(&served, Over::Ws, "amy").await;
        let trail = served.operator("GET", "/v1/rooms/r1/trail", Value::Null).await.expect(200);
        let actions: Vec<_> = trail.as_array().unwrap().iter().map(|it| it["action"].as_str().unwrap()).collect();
        assert_eq!(actions[1..], ["mute amy", "lift mute amy", "ban amy", "lift ban amy"]);
    });
}

#[test]
fn copy_is_reviewed_before_it_goes_live() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let poll = |title: &str, option: &str| json!({ "title": title, "poll": { "options": ["红", option], "duration_ms": 60_000 } });
        for (title, option, want) in [
            ("全网最低价", "绿", "\"全网最低\" in \"全网最低价\" (advertising)"),
            ("心愿单", "加微信", "\"加微\" in \"加微信\" (contact)"),
        ] {
            let activity = served.draft("r1", poll(title, option)).await;
            let problem = served.step("r1", activity, "schedule").await.expect(409);
            assert_eq!(problem["code"], "review_failed");
            let reasons = served.activity("r1", activity).await["reasons"].to_string();
            assert!(reasons.replace("\\\"", "\"").contains(want), "{reasons}");
        }
        let fine = served.draft("r1", poll("最近想要什么", "绿")).await;
        served.step("r1", fine, "schedule").await.expect(200);
    });
}

#[test]
fn a_repeated_comment_is_heard_once() {
    run(async {
        let served = Served::furnished(|_| {}).await;
        let mut amy = Listener::enter(&served, Over::Quic, "amy").await;
        for text in ["主播好", "主播好", "再来"] {
            let id = if text == "再来" { 8 } else { 7 };
            let body = client_frame::Body::Comment(Comment { text: text.to_owned() });
            assert_eq!(amy.client.request_with_id(id, body).await, Ok(Outcome::Done));
        }
        amy.until("the last", |it| it.said.iter().any(|(_, text)| text == "再来")).await;
        assert_eq!(amy.said.len(), 2);
    });
}
