//! What viewers say to a room: what everybody hears, what only the author sees, and the lexicons that decide it.

use std::fs;

use liveroom_protocol::client::{Client, Event, Events, Outcome};
use liveroom_protocol::wire::room_event::Body;
use liveroom_protocol::wire::{Comment, client_frame};
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
            until("everything is written", async || Some(behaviour(&served)).filter(|lines| lines.len() == 10)).await;
        let blocked: Vec<_> = lines.iter().filter(|line| line["kind"] == "comment_blocked").collect();
        assert_eq!(blocked.len(), 3);
        assert!(blocked.iter().all(|line| line["user"] == "amy" && line["room"] == "r1"));
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
