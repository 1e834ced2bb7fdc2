//! A room's channel: collects what happens within a tick, encodes it once, hands it to everybody.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::gifts::FreshGifts;
use super::{Class, ClosedCombo, Encode, GiftRun, History, Mailbox, Position, RoomMessage, RoomState, Talk};
use crate::rules::{ActivityId, Broadcast, Time};
use crate::store::{ActivityView, BoardView};

/// What bounds a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelLimits {
    /// Frames kept for those who were away.
    pub history_frames: usize,
    /// Bytes kept for those who were away.
    pub history_bytes: usize,
    /// Talk messages of one tick, those from other nodes included; more are refused.
    pub talk_per_tick: usize,
}

/// A room's channel.
pub struct Channel {
    epoch: u64,
    limits: ChannelLimits,
    inner: Mutex<Inner>,
}

struct Inner {
    viewers: Vec<Arc<Mailbox>>,
    history: History,
    /// States that everybody has heard: those of a snapshot.
    states: BTreeMap<ActivityId, Arc<ActivityView>>,
    /// The latest broadcast.
    broadcast: Option<Broadcast>,
    /// The first places of its board.
    board: Option<Arc<BoardView>>,
    snapshot: Option<(u64, Bytes)>,
    /// What the next tick carries: the latest state of each activity, and the rest in order.
    fresh_states: BTreeMap<ActivityId, Arc<ActivityView>>,
    fresh_notes: Vec<RoomMessage>,
    fresh_board: bool,
    /// What follows from the store: other nodes hear it from there themselves.
    fresh_gifts: FreshGifts,
    /// What was said here; other nodes are to hear it.
    fresh_talk: Vec<RoomMessage>,
    /// What was said elsewhere, and the number of viewers.
    fresh_relayed: Vec<RoomMessage>,
    /// Messages in all of it.
    fresh_relayed_messages: usize,
    /// Viewers on other nodes.
    elsewhere: u32,
    online_told: u32,
}

/// How a viewer was let in.
#[derive(Debug)]
pub struct Joined {
    /// Where the viewer stands now.
    pub position: Position,
    /// Whether everything since the position that the viewer named follows.
    pub recovered: bool,
    /// What follows: the missed frames, or a snapshot.
    pub frames: Vec<Bytes>,
}

/// What a tick brought, and for whom.
#[derive(Debug)]
pub struct Flushed {
    /// Who was in the room.
    pub viewers: Vec<Arc<Mailbox>>,
    /// At most one frame of states and one of talk.
    pub frames: Vec<(Class, Bytes)>,
    /// What of the talk was said here.
    pub said: Vec<RoomMessage>,
}

impl Flushed {
    /// Puts the frames into one viewer's mailbox.
    pub fn deliver(&self, viewer: &Mailbox) {
        self.frames.iter().for_each(|(class, frame)| viewer.frame(*class, frame));
    }

    /// Puts the frames into every viewer's mailbox.
    pub fn deliver_all(&self) {
        self.viewers.iter().for_each(|viewer| self.deliver(viewer));
    }
}

impl Channel {
    /// A channel nobody listens to. `epoch` is drawn by chance.
    pub fn new(epoch: u64, limits: ChannelLimits) -> Self {
        let inner = Inner {
            viewers: Vec::new(),
            history: History::new(limits.history_frames, limits.history_bytes),
            states: BTreeMap::new(),
            broadcast: None,
            board: None,
            snapshot: None,
            fresh_states: BTreeMap::new(),
            fresh_notes: Vec::new(),
            fresh_board: false,
            fresh_gifts: FreshGifts::default(),
            fresh_talk: Vec::new(),
            fresh_relayed: Vec::new(),
            fresh_relayed_messages: 0,
            elsewhere: 0,
            online_told: 0,
        };
        Self { epoch, limits, inner: Mutex::new(inner) }
    }

    /// Lets a viewer in, and brings it up to date: from here on it misses nothing.
    pub fn join(&self, mailbox: &Arc<Mailbox>, resume: Option<Position>, encode: &dyn Encode) -> Joined {
        let mut inner = self.inner.lock();
        mailbox.set_seat(inner.viewers.len());
        inner.viewers.push(Arc::clone(mailbox));
        let position = Position { epoch: self.epoch, offset: inner.history.latest() };
        let missed = resume.filter(|from| from.epoch == self.epoch).and_then(|from| {
            Some(inner.history.after(from.offset)?.map(|(_, frame)| frame.clone()).collect::<Vec<_>>())
        });
        match missed {
            Some(frames) => Joined { position, recovered: true, frames },
            None => Joined { position, recovered: false, frames: vec![inner.snapshot(position, encode)] },
        }
    }

    /// Lets a viewer go. Says whether it was the last.
    pub fn leave(&self, mailbox: &Arc<Mailbox>) -> bool {
        let mut inner = self.inner.lock();
        let seat = mailbox.seat();
        if inner.viewers.get(seat).is_some_and(|other| Arc::ptr_eq(other, mailbox)) {
            inner.viewers.swap_remove(seat);
            if let Some(moved) = inner.viewers.get(seat) {
                moved.set_seat(seat);
            }
        }
        inner.viewers.is_empty()
    }

    /// The state of the room for one who has missed too much.
    pub fn snapshot(&self, encode: &dyn Encode) -> Bytes {
        let mut inner = self.inner.lock();
        let position = Position { epoch: self.epoch, offset: inner.history.latest() };
        inner.snapshot(position, encode)
    }

    /// An activity's state, for the next tick.
    pub fn publish_state(&self, view: Arc<ActivityView>) {
        self.inner.lock().fresh_states.insert(view.id, view);
    }

    /// An activity has left the room.
    pub fn forget_state(&self, activity: ActivityId) {
        let mut inner = self.inner.lock();
        inner.states.remove(&activity);
        inner.fresh_states.remove(&activity);
        inner.snapshot = None;
    }

    /// The room goes on air, or off, with the next tick.
    pub fn publish_broadcast(&self, broadcast: Broadcast) {
        let mut inner = self.inner.lock();
        inner.broadcast = Some(broadcast);
        inner.fresh_notes.push(RoomMessage::Broadcast(broadcast));
    }

    /// The latest broadcast, whether it is on or over.
    pub fn broadcast(&self) -> Option<Broadcast> {
        self.inner.lock().broadcast
    }

    /// The first places of the broadcast's board, for the next tick, if they are others than before. Says whether they are.
    pub fn publish_board(&self, board: Arc<BoardView>) -> bool {
        let mut inner = self.inner.lock();
        let changed = inner.board.as_ref() != Some(&board);
        if changed {
            inner.board = Some(board);
            inner.fresh_board = true;
        }
        changed
    }

    /// Gifts, for the next tick, together with others of their combo; refused (`false`) when the tick is full.
    pub fn publish_gifts(&self, run: GiftRun) -> bool {
        self.inner.lock().fresh_gifts.add(run, self.limits.talk_per_tick)
    }

    /// The end of a combo, for the next tick; refused (`false`) when the tick is full.
    pub fn publish_closed_combo(&self, closed: ClosedCombo) -> bool {
        self.inner.lock().fresh_gifts.close(closed, self.limits.talk_per_tick)
    }

    /// Something that belongs to the activities' states, for the next tick.
    pub fn publish_note(&self, message: RoomMessage) {
        self.inner.lock().fresh_notes.push(message);
    }

    /// Talk that begins here, for the next tick and for other nodes; refused (`false`) when the tick is full.
    pub fn publish_talk(&self, message: RoomMessage) -> bool {
        let mut inner = self.inner.lock();
        let fits = inner.talk_messages() < self.limits.talk_per_tick;
        if fits {
            inner.fresh_talk.push(message);
        }
        fits
    }

    /// Talk of another node, for the next tick; refused (`false`) when the tick is full.
    pub fn publish_relayed(&self, talk: Talk) -> bool {
        let mut inner = self.inner.lock();
        let fits = inner.talk_messages() + talk.messages as usize <= self.limits.talk_per_tick;
        if fits {
            inner.fresh_relayed_messages += talk.messages as usize;
            inner.fresh_relayed.push(RoomMessage::Relayed(talk));
        }
        fits
    }

    /// How many viewers there are here.
    pub fn online_here(&self) -> u32 {
        self.inner.lock().viewers.len() as u32
    }

    /// How many viewers there are on all nodes, as far as they have been heard.
    pub fn online(&self) -> u32 {
        self.inner.lock().online()
    }

    /// So many viewers are on other nodes.
    pub fn set_elsewhere(&self, viewers: u32) {
        self.inner.lock().elsewhere = viewers;
    }

    /// Tells the number of viewers with the next tick, if it is not what was told last. Says whether it does.
    pub fn publish_online(&self) -> bool {
        let mut inner = self.inner.lock();
        let online = inner.online();
        let changed = online != inner.online_told;
        if changed {
            inner.online_told = online;
            inner.fresh_relayed.push(RoomMessage::Online(online));
        }
        changed
    }

    /// Ends a tick: what was collected becomes a frame of states and a frame of talk. Whoever is in the room now gets them from the
    /// caller, tick after tick in order; whoever joins later finds them in the history.
    pub fn flush(&self, now: Time, encode: &dyn Encode) -> Flushed {
        let mut inner = self.inner.lock();
        let states = std::mem::take(&mut inner.fresh_states);
        let notes = std::mem::take(&mut inner.fresh_notes);
        let mut talk = std::mem::take(&mut inner.fresh_talk);
        let said = talk.len();
        talk.append(&mut inner.fresh_relayed);
        inner.fresh_relayed_messages = 0;
        talk.extend(inner.fresh_gifts.take());
        let board = inner.board.clone().filter(|_| std::mem::take(&mut inner.fresh_board)).map(RoomMessage::Board);
        let news: Vec<_> = states.values().cloned().map(RoomMessage::Activity).chain(notes).chain(board).collect();
        inner.states.extend(states);
        let mut frames = Vec::new();
        for (class, messages) in [(Class::State, &news), (Class::Talk, &talk)] {
            if messages.is_empty() {
                continue;
            }
            let position = Position { epoch: self.epoch, offset: inner.history.latest() + 1 };
            let frame = encode.tick(position, now, messages);
            frames.push((class, frame.clone()));
            inner.history.push(class, frame);
        }
        talk.truncate(said);
        Flushed { viewers: if frames.is_empty() { Vec::new() } else { inner.viewers.clone() }, frames, said: talk }
    }

    /// Ends every session of the room.
    pub fn dismiss(&self, why: super::Leave) {
        self.inner.lock().viewers.iter().for_each(|viewer| viewer.leave(why));
    }
}

impl Inner {
    fn online(&self) -> u32 {
        (self.viewers.len() as u32).saturating_add(self.elsewhere)
    }

    fn talk_messages(&self) -> usize {
        self.fresh_talk.len() + self.fresh_relayed_messages
    }

    /// Encoded once for everybody who needs it at the same position.
    fn snapshot(&mut self, position: Position, encode: &dyn Encode) -> Bytes {
        if let Some((offset, frame)) = &self.snapshot
            && *offset == position.offset
        {
            return frame.clone();
        }
        let activities: Vec<_> = self.states.values().cloned().collect();
        let frame = encode.snapshot(
            position,
            &RoomState {
                activities: &activities,
                online: self.online(),
                broadcast: self.broadcast,
                board: self.board.as_deref(),
            },
        );
        self.snapshot = Some((position.offset, frame.clone()));
        frame
    }
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel").field("epoch", &self.epoch).field("online", &self.online()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts messages, and says what a snapshot says of the crowd.
    struct Counting;

    impl Encode for Counting {
        fn tick(&self, _: Position, _: Time, messages: &[RoomMessage]) -> Bytes {
            vec![messages.len() as u8].into()
        }

        fn talk(&self, messages: &[RoomMessage]) -> Bytes {
            vec![messages.len() as u8].into()
        }

        fn snapshot(&self, _: Position, room: &RoomState<'_>) -> Bytes {
            vec![room.online as u8].into()
        }
    }

    fn channel() -> Channel {
        Channel::new(1, ChannelLimits { history_frames: 9, history_bytes: 99, talk_per_tick: 5 })
    }

    #[test]
    fn talk_of_all_nodes_shares_the_room_of_a_tick_and_only_ours_is_handed_on() {
        let channel = channel();
        let relayed = |messages| Talk { messages, events: Bytes::new() };
        for (fits, published) in [
            (true, channel.publish_talk(RoomMessage::Likes(1))),
            (true, channel.publish_relayed(relayed(3))),
            (false, channel.publish_relayed(relayed(2))),
            (true, channel.publish_talk(RoomMessage::Likes(2))),
            (false, channel.publish_talk(RoomMessage::Likes(3))),
            (false, channel.publish_relayed(relayed(1))),
        ] {
            assert_eq!(published, fits);
        }
        channel.set_elsewhere(4);
        assert!(channel.publish_online(), "it is no talk: there is always room for it");
        let flushed = channel.flush(Time::from_ms(0), &Counting);
        assert_eq!(flushed.frames, [(Class::Talk, Bytes::from(vec![4]))], "ours, the other's, and the count");
        assert!(matches!(flushed.said[..], [RoomMessage::Likes(1), RoomMessage::Likes(2)]));
        assert!(channel.publish_relayed(relayed(5)), "the next tick has room again");
        let flushed = channel.flush(Time::from_ms(0), &Counting);
        assert!(flushed.said.is_empty(), "what came from elsewhere does not go back");
    }

    #[test]
    fn a_room_counts_its_viewers_on_all_nodes() {
        let channel = channel();
        channel.set_elsewhere(4);
        let mailbox = Arc::new(Mailbox::new(99, 9));
        let joined = channel.join(&mailbox, None, &Counting);
        assert_eq!(joined.frames, [Bytes::from(vec![5])]);
        assert_eq!((channel.online(), channel.online_here()), (5, 1));
        assert!(channel.publish_online() && !channel.publish_online(), "only what has changed is told");
        assert!(channel.leave(&mailbox), "nobody is here, however many there are elsewhere");
        channel.set_elsewhere(u32::MAX);
        channel.join(&mailbox, None, &Counting);
        assert_eq!(channel.online(), u32::MAX);
    }
}
