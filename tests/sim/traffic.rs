//! What travels: bytes between doors and viewers, link by link, and what each side does with them.

use crate::door::{Door, Said};
use crate::network::Link;
use crate::world::World;

impl World {
    /// Moves bytes, link by link in any order, and lets the clients do what is due.
    pub(crate) fn carry(&mut self) {
        let mut links: Vec<u64> = self.links.keys().copied().collect();
        self.chance.shuffle(&mut links);
        for id in links {
            self.serve(id);
            self.hear(id);
            if self.links.get(&id).is_some_and(|link| !link.held && link.door.is_none()) {
                self.links.remove(&id);
            }
        }
        for n in 0..self.viewers.len() {
            self.turn_viewer(n);
        }
    }

    /// The server's side of a link.
    fn serve(&mut self, id: u64) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let Some(mut door) = link.door.take() else { return };
        let mut all = Vec::new();
        if let Some(bytes) = link.up.take(self.now, &mut self.chance) {
            all.push(door.receive(&bytes, &mut self.tally));
        }
        let alive = |all: &[Said]| !all.iter().any(|said| said.ended);
        // A session waits with everything while the transport takes no more.
        if alive(&all) && link.has_room() {
            all.push(door.deliver(&mut self.tally));
        }
        if alive(&all) {
            all.push(door.tick(&mut self.tally));
        }
        let at = self.now + self.chance.below(self.setup.delay_ms_max);
        let ended = !alive(&all);
        for said in all {
            for (op, code) in said.refused {
                let now = self.server.as_ref().map(|server| server.engine.clock().now()).expect("a door has a server");
                self.referee.see_gate_refusal(now, &op, code, &mut self.tally);
            }
            said.control.into_iter().for_each(|bytes| link.control.push(at, bytes));
            let room = if link.one_stream { &mut link.control } else { &mut link.room };
            said.room.into_iter().for_each(|bytes| room.push(at, bytes));
        }
        if ended || link.up.has_ended(self.now) {
            link.control.finish(at);
        } else {
            link.door = Some(door);
        }
    }

    /// The viewer's side of a link.
    fn hear(&mut self, id: u64) {
        let instant = self.instant();
        let Some(link) = self.links.get_mut(&id) else { return };
        if !link.held || link.stalled_until > self.now {
            return;
        }
        let viewer = &mut self.viewers[link.viewer];
        if let Some(bytes) = link.control.take(self.now, &mut self.chance) {
            viewer.hear(instant, &bytes, &mut self.referee, &mut self.tally);
        }
        if let Some(bytes) = link.room.take(self.now, &mut self.chance) {
            viewer.hear_room(instant, &bytes, &mut self.referee, &mut self.tally);
        }
        if link.control.has_ended(self.now) {
            link.held = false;
            viewer.disconnected(instant);
        }
    }

    fn turn_viewer(&mut self, n: usize) {
        let instant = self.instant();
        let viewer = &mut self.viewers[n];
        let (connect, hang_up) = viewer.turn(instant, self.chance.id(), &mut self.tally);
        if hang_up && let Some(link) = viewer.link.take().and_then(|link| self.links.get_mut(&link)) {
            link.held = false;
            link.up.finish(self.now + self.chance.below(500));
        }
        if connect {
            self.connect(n);
        }
        let viewer = &mut self.viewers[n];
        let bytes = viewer.outgoing();
        if let Some(link) = viewer.link.and_then(|link| self.links.get_mut(&link)) {
            link.up.push(self.now + self.chance.below(self.setup.delay_ms_max), bytes);
        }
    }

    fn connect(&mut self, n: usize) {
        let instant = self.instant();
        let viewer = &mut self.viewers[n];
        let Some(server) = &self.server else { return viewer.disconnected(instant) };
        let id = self.next_link;
        self.next_link += 1;
        let door = Door::new(server.engine.clone(), self.setup.session, viewer.user, viewer.room);
        self.links.insert(id, Link::new(n, self.chance.percent(50), door));
        let role = if viewer.is_host { "host" } else { "viewer" };
        let bad = self.troubled && self.chance.percent(2);
        let token = if bad { "nobody".to_owned() } else { format!("{}/{role}", viewer.user) };
        viewer.connected(instant, id, token);
    }
}
