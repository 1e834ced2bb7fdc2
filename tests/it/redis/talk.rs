//! One room on several nodes: all its viewers hear what is said, and how many there are.

use std::time::Duration;

use liveroom::server::config::Config;
use liveroom::store::redis::{Durability, RedisOptions};
use liveroom_protocol::client::{Client, Event, Events, Outcome, RoomView};
use liveroom_protocol::wire::room_event::Body;
use rustix::process::Signal;
use tokio::time::timeout;

use super::server::{RedisCluster, shared_cluster};
use super::{RedisServer, shared};
use crate::served::{Over, PATIENCE, Served, run, until};

/// A configuration of a node of this log, for a test in a hurry.
pub fn on(options: &RedisOptions) -> impl FnOnce(&mut Config) + use<> {
    let RedisOptions { url, prefix, .. } = options.clone();
    move |config| {
        config.store.redis = Some(url);
        config.store.redis_prefix = prefix;
        config.store.durability = Durability::Memory;
        config.engine.online_every = Duration::from_millis(50);
    }
}

/// Somebody in the room: what they see of it, and what they have heard.
struct Listener {
    client: Client,
    events: Events,
    view: RoomView,
    said: Vec<String>,
    hearts: u64,
}

impl Listener {
    async fn enter(served: &Served, over: Over, user: &str) -> Self {
        let (client, events) = served.client(over, "r1", user).await;
        Self { client, events, view: RoomView::new(), said: Vec::new(), hearts: 0 }
    }

    /// Listens until it is so.
    async fn until(&mut self, what: &str, so: impl Fn(&Self) -> bool) {
        let listen = async {
            while !so(self) {
                let event = self.events.next().await.expect("a client that goes on");
                self.view.apply(&event);
                if let Event::Tick(tick) = event {
                    for event in tick.events {
                        match event.body {
                            Some(Body::Announcement(said)) => self.said.extend(said.texts),
                            Some(Body::Said(said)) => self.said.push(said.text),
                            Some(Body::Likes(likes)) => self.hearts += likes.hearts,
                            _ => {}
                        }
                    }
                }
            }
        };
        timeout(PATIENCE, listen).await.unwrap_or_else(|_| panic!("in vain: {what}"));
    }

    async fn hears(&mut self, all: &[&str]) {
        self.until(&format!("{all:?}"), |heard| heard.said.len() >= all.len()).await;
        assert_eq!(self.said, all);
    }

    async fn sees(&mut self, viewers: u32) {
        self.until(&format!("{viewers} viewers"), |heard| heard.view.online() == viewers).await;
    }
}

async fn say(host: &Client, text: &str) {
    assert_eq!(host.announce(text).await, Ok(Outcome::Done));
}

/// A host on one node; the room's people on both.
async fn room(options: RedisOptions) -> ([Served; 2], Client, [Listener; 2]) {
    let one = Served::furnished(on(&options)).await;
    let two = Served::with(on(&options)).await;
    let there = || two.server.engine().room(&crate::stage::room());
    until("the other node has the room", async || there()).await;
    let (host, _events) = {
        let token = one.token("host", "host");
        let options = one.options(Over::Quic, "r1", token);
        Client::connect(options).await.unwrap()
    };
    let here = Listener::enter(&one, Over::Ws, "ann").await;
    let there = Listener::enter(&two, Over::Quic, "bob").await;
    ([one, two], host, [here, there])
}

#[test]
fn everybody_hears_what_is_said_and_how_many_there_are() {
    run(async {
        let ([one, two], host, [mut here, mut there]) = room(shared().options()).await;
        here.sees(3).await;
        there.sees(3).await;
        say(&host, "welcome").await;
        say(&host, "to the tea house").await;
        here.hears(&["welcome", "to the tea house"]).await;
        there.hears(&["welcome", "to the tea house"]).await;
        assert_eq!(two.metric("talk_heard").await, 2);
        until("what was sent is counted", async || (one.metric("talk_sent").await == 2).then_some(())).await;
        assert_eq!((one.metric("nodes_seen").await, two.metric("nodes_seen").await), (1, 1));
        assert_eq!((one.metric("viewers").await, two.metric("viewers").await), (2, 1));
        let room = one.operator("GET", "/v1/rooms/r1", serde_json::Value::Null).await.expect(200);
        assert_eq!(room["online"], 3, "on all nodes");
        // Viewers are heard as hosts are, and hearts are added up.
        let words = ["welcome", "to the tea house", "what a lovely cup"];
        assert_eq!(there.client.comment(words[2]).await, Ok(Outcome::Done));
        here.hears(&words).await;
        there.hears(&words).await;
        for (listener, hearts) in [(&here, 3), (&there, 4)] {
            assert_eq!(listener.client.like(hearts).await, Ok(Outcome::Done));
        }
        for listener in [&mut here, &mut there] {
            listener.until("seven hearts", |heard| heard.hearts >= 7).await;
            assert_eq!(listener.hearts, 7);
        }
        // Nobody there listens any more; who comes next hears what is said from then on, and of whom there is.
        drop(there);
        here.sees(2).await;
        say(&host, "are you there?").await;
        here.hears(&["welcome", "to the tea house", "what a lovely cup", "are you there?"]).await;
        let mut there = Listener::enter(&two, Over::Ws, "eve").await;
        there.sees(3).await;
        say(&host, "good").await;
        there.hears(&["good"]).await;
        two.server.stop().await;
        here.sees(2).await;
        one.server.stop().await;
    });
}

#[test]
fn a_redis_that_is_away_costs_talk_and_nothing_else() {
    let mut redis = RedisServer::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    run(async {
        let ([one, two], host, [mut here, mut there]) = room(redis.options()).await;
        here.sees(3).await;
        redis.kill();
        say(&host, "hello?").await;
        here.hears(&["hello?"]).await;
        redis.restart();
        let connections = async |served: &Served| (served.metric("talk_connections").await > 1).then_some(());
        until("this node is connected again", async || connections(&one).await).await;
        until("the other is, too", async || connections(&two).await).await;
        // They know of each other again, so each hears the other.
        for node in [&one, &two] {
            until("it sees the other", async || (node.metric("nodes_seen").await == 1).then_some(())).await;
        }
        there.sees(3).await;
        until("what is said arrives", async || {
            say(&host, "again").await;
            there.until("again", |heard| heard.said.iter().any(|text| text == "again")).await;
            Some(())
        })
        .await;
        assert!(one.metric("talk_dropped").await > 0, "and what was lost is counted");
        assert!(!there.said.iter().any(|text| text == "hello?"), "late talk is no talk");
        one.server.stop().await;
        two.server.stop().await;
    });
}

#[test]
fn a_node_that_falls_silent_is_not_counted_for_long() {
    let redis = RedisServer::start(&[]);
    run(async {
        let ([one, two], _host, [mut here, _there]) = room(redis.options()).await;
        here.sees(3).await;
        // Only the way between the nodes stands still, and comes back with fewer.
        redis.said(&["CLIENT", "KILL", "TYPE", "pubsub"]).unwrap();
        redis.signal(Signal::STOP);
        here.sees(2).await;
        redis.signal(Signal::CONT);
        here.sees(3).await;
        one.server.stop().await;
        two.server.stop().await;
    });
}

#[test]
fn in_a_cluster_each_primary_carries_its_rooms_wherever_their_slots_go() {
    run(async {
        let options = shared_cluster().options();
        let channel = format!("{}:talk:r1", options.prefix);
        let ([one, two], host, [mut here, mut there]) = room(options).await;
        here.sees(3).await;
        there.sees(3).await;
        say(&host, "first").await;
        there.hears(&["first"]).await;
        // The channel's slot goes elsewhere, and whoever heard it there is told so.
        let cluster = shared_cluster();
        let from = cluster.primary_of(&channel);
        let to = (0..6).find(|at| *at != from && is_primary(cluster, *at)).unwrap();
        cluster.move_slot(&channel, to);
        until("what is said arrives", async || {
            say(&host, "moved").await;
            let heard = timeout(Duration::from_millis(500), there.until("moved", |heard| heard.said.len() > 1)).await;
            heard.ok()
        })
        .await;
        assert!(there.said[1..].iter().all(|text| text == "moved"));
        one.server.stop().await;
        two.server.stop().await;
    });
}

fn is_primary(cluster: &RedisCluster, at: usize) -> bool {
    cluster.servers[at].said(&["INFO", "replication"]).unwrap().contains("role:master")
}
