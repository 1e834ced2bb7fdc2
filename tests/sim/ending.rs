//! The end of a run: everything heals, every request is pursued to its end, and everybody sees the same.

use std::sync::Arc;

use bytes::Bytes;
use liveroom::fanout::{Encode, Position, RoomState};
use liveroom::gateway::{WireEncoder, bare};
use liveroom::rules::{ActivityId, RoomId};
use liveroom::store::{ActivityView, embedded};
use liveroom_protocol::frame::FrameReader;
use liveroom_protocol::transport::SERVER_FRAME_BYTES_MAX;
use liveroom_protocol::wire::{ActivityState, ServerFrame, Snapshot, activity_state, server_frame};

use crate::network::Link;
use crate::viewer::Viewer;
use crate::world::World;

/// Steps within which everything that waits must be decided once nothing goes wrong any more.
const SETTLED_WITHIN: u64 = 4_000;

impl World {
    /// Heals, drains and checks; and once more after a last restart.
    pub(crate) fn settle(&mut self) {
        self.heal();
        self.come_to_rest();
        self.crash(false);
        self.come_to_rest();
        self.compare_disk();
    }

    fn come_to_rest(&mut self) {
        let mut steps = 0;
        while !self.is_settled() {
            steps += 1;
            assert!(steps < SETTLED_WITHIN, "something is never answered: {}", self.unsettled());
            self.pass(20);
            self.step();
        }
        self.tally.add("steps_to_settle", steps);
        self.quiet_down();
        let server = self.server.as_ref().expect("the world is at rest");
        self.referee.check(server);
        self.compare_views();
    }

    fn is_settled(&self) -> bool {
        self.server.is_some()
            && self.viewers.iter().all(|viewer| viewer.is_settled())
            && self.hosts.iter().all(|(host, _)| host.is_settled())
            && self.provider.is_settled()
            && self.operator.is_settled()
    }

    fn unsettled(&self) -> String {
        let viewers = self.viewers.iter().filter(|viewer| !viewer.is_settled()).map(|viewer| {
            let open = viewer.asked.iter().find(|(_, asked)| asked.open || asked.given_up);
            format!("{} {} {:?}", viewer.user, viewer.is_live(), open.map(|(id, asked)| (id, &asked.body)))
        });
        viewers.collect::<Vec<_>>().join("; ")
    }

    /// Whether everybody whose room exists is in it, and nothing is under way to or from them.
    fn is_quiet(&self) -> bool {
        let exists = |room: &RoomId| self.server.as_ref().is_some_and(|server| server.engine.room(room).is_some());
        let arrived = |viewer: &Viewer| viewer.is_live() || !exists(&viewer.room);
        let quiet = |link: &Link| link.is_quiet() || !exists(&self.viewers[link.viewer].room);
        self.server.is_some() && self.viewers.iter().all(arrived) && self.links.values().all(quiet)
    }

    /// Goes on until nothing has happened for a while, and everybody has heard everything.
    fn quiet_down(&mut self) {
        let mut quiet = 0;
        for _ in 0..SETTLED_WITHIN {
            let before = self.referee.events();
            self.pass(20);
            self.step();
            quiet = if before == self.referee.events() && self.is_quiet() { quiet + 1 } else { 0 };
            // Longer than counts wait for their time.
            if quiet > 25 {
                return;
            }
        }
        let missing: Vec<_> = self.viewers.iter().filter(|v| !v.is_live()).map(|v| (v.user, v.room)).collect();
        panic!("the world does not come to rest: not live {missing:?}");
    }

    /// Every viewer sees what the server would tell a newcomer, and that is what the tables hold.
    fn compare_views(&mut self) {
        let server = self.server.as_ref().expect("the world is at rest");
        for viewer in &self.viewers {
            let Some(room) = server.engine.room(&viewer.room) else { continue };
            let told = snapshot(&server.engine.snapshot(&room));
            let position = Position { epoch: told.epoch, offset: told.offset };
            let truth = snapshot(&self.truth(position, viewer.room, told.online));
            assert_eq!(truth.activities, told.activities, "a newcomer is not told what the tables hold");
            assert!(viewer.stands_at(told.epoch, told.offset), "{} missed frames and was not told so", viewer.user);
            for state in &told.activities {
                assert_eq!(Some(state), viewer.view.activity(state.activity), "{} sees something else", viewer.user);
            }
            for state in viewer.view.activities() {
                let known = told.activities.iter().any(|other| other.activity == state.activity);
                assert!(known || self.referee.is_archived(ActivityId(state.activity)), "nobody else sees {state:?}");
            }
            self.tally.count("views.compared");
        }
    }

    /// Rooms have heard of every phase and opening by the tick that follows; only mere counts may wait.
    pub(crate) fn compare_openings(&self) {
        let Some(server) = &self.server else { return };
        for (_, room) in &self.hosts {
            let Some(live) = server.engine.room(room) else { continue };
            let told = snapshot(&server.engine.snapshot(&live));
            let position = Position { epoch: told.epoch, offset: told.offset };
            let truth = snapshot(&self.truth(position, *room, told.online));
            let openings = |snapshot: &Snapshot| snapshot.activities.iter().map(opening).collect::<Vec<_>>();
            assert_eq!(openings(&told), openings(&truth), "the room has not heard of an opening");
        }
    }

    /// What a newcomer would have to be told of the activities.
    fn truth(&self, position: Position, room: RoomId, online: u32) -> Bytes {
        let activities = self.public_views(room);
        WireEncoder.snapshot(position, &RoomState { activities: &activities, online, broadcast: None, board: None })
    }

    fn public_views(&self, room: RoomId) -> Vec<Arc<ActivityView>> {
        let server = self.server.as_ref().expect("the world is at rest");
        server.look(|tables| {
            let public = tables.activities().filter(|activity| activity.room == room && activity.phase.is_public());
            let mut views: Vec<_> = public.map(|activity| Arc::new(ActivityView::from(activity))).collect();
            views.sort_unstable_by_key(|view| view.id);
            views
        })
    }

    /// Who reads the stopped server's disk finds the same.
    fn compare_disk(&mut self) {
        let server = self.server.take().expect("the world is at rest");
        self.links.clear();
        let (tables, _) = embedded::read(&server.disk.kill(), self.setup.bounds, |recorded| {
            assert_eq!(self.referee.event(recorded.no), Some(recorded), "the disk holds what was said");
        })
        .expect("a stopped server's disk can be read");
        assert!(tables == self.referee.model, "the disk adds up to something else");
    }
}

/// What a room must hear at once: phase, end, amendment, and per pool the opening and whether there is anything in it.
fn opening(state: &ActivityState) -> (u64, i32, i64, u32, Vec<(u32, bool)>) {
    let pools = match &state.kind {
        Some(activity_state::Kind::Rain(rain)) => vec![(rain.opening, true)],
        Some(activity_state::Kind::Drop(drop)) => vec![(drop.opening, true)],
        Some(activity_state::Kind::Bag(bag)) => vec![(bag.opening, true)],
        Some(activity_state::Kind::Sale(sale)) => sale.skus.iter().map(|sku| (sku.opening, sku.free > 0)).collect(),
        // What is left for a goal is a mere count.
        Some(
            activity_state::Kind::WatchTask(_)
            | activity_state::Kind::CheckIn(_)
            | activity_state::Kind::Poll(_)
            | activity_state::Kind::Enrolment(_),
        )
        | None => Vec::new(),
        Some(activity_state::Kind::Draw(_)) => Vec::new(),
    };
    (state.activity, state.phase, state.closes_at_ms, state.amendment, pools)
}

fn snapshot(enveloped: &Bytes) -> Snapshot {
    let frame = bare(enveloped.clone());
    let mut bytes = &frame[..];
    let frame: Option<ServerFrame> =
        FrameReader::new(SERVER_FRAME_BYTES_MAX).next(&mut bytes).expect("the server speaks in frames");
    match frame.and_then(|frame| frame.body) {
        Some(server_frame::Body::Snapshot(snapshot)) => snapshot,
        other => panic!("not a snapshot: {other:?}"),
    }
}
