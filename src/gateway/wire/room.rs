//! What a room hears.

use liveroom_protocol::wire::{self, room_event};
use prost::Message as _;

use super::activity::activity_state;
use super::{gift, presence};
use crate::fanout::RoomMessage;
use crate::rules::{Time, UserId};

/// The events of a tick. What another node has encoded is taken in among ours.
pub(super) fn room_events(messages: &[RoomMessage]) -> Vec<wire::RoomEvent> {
    let mut events = Vec::with_capacity(messages.len());
    for message in messages {
        match message {
            RoomMessage::Relayed(talk) => match wire::Tick::decode(talk.events.clone()) {
                Ok(said) => events.extend(said.events),
                Err(error) => tracing::warn!(%error, "what another node said can't be read"),
            },
            RoomMessage::Announcement { from, text, at } => announce(&mut events, from, text, *at),
            message => events.extend(room_event(message)),
        }
    }
    events
}

/// Words in a row by one speaker are one event: said one by one, who speaks and when would take more room than what is said,
/// and a lively tick would no longer fit into a packet.
fn announce(events: &mut Vec<wire::RoomEvent>, from: &UserId, text: &str, at: Time) {
    if let Some(room_event::Body::Announcement(said)) = events.last_mut().and_then(|event| event.body.as_mut())
        && said.from == from.as_str()
    {
        return said.texts.push(text.to_owned());
    }
    let said = wire::Announcement { from: from.as_str().to_owned(), texts: vec![text.to_owned()], at_ms: at.ms() };
    events.push(wire::RoomEvent { body: Some(room_event::Body::Announcement(said)) });
}

/// `None` for what holds events of its own, or shares one.
fn room_event(message: &RoomMessage) -> Option<wire::RoomEvent> {
    let body = match message {
        RoomMessage::Activity(view) => room_event::Body::Activity(activity_state(view)),
        RoomMessage::Broadcast(broadcast) => room_event::Body::Broadcast(presence::broadcast(broadcast)),
        RoomMessage::Said { from, text, at } => room_event::Body::Said(wire::Said {
            from: from.as_str().to_owned(),
            text: text.to_string(),
            at_ms: at.ms(),
        }),
        RoomMessage::Likes(hearts) => room_event::Body::Likes(wire::Likes { hearts: *hearts }),
        RoomMessage::GiftRun(run) => room_event::Body::GiftRun(gift::run(run)),
        RoomMessage::ComboClosed(closed) => room_event::Body::ComboClosed(gift::closed(closed)),
        RoomMessage::Board(board) => room_event::Body::Board(gift::board(board)),
        RoomMessage::Online(viewers) => room_event::Body::Online(wire::Online { viewers: *viewers }),
        RoomMessage::Amendment { activity, number, amendment, closes_at } => {
            let stock = amendment.stock.iter().map(|(sku, units)| wire::StockChange { sku: sku.0, units: *units });
            room_event::Body::Amendment(wire::Amendment {
                activity: activity.0,
                number: *number,
                stock: stock.collect(),
                budget_added_fen: amendment.budget.get(),
                shares_added: amendment.shares + amendment.codes.count(),
                closes_at_ms: closes_at.map_or(0, Time::ms),
            })
        }
        RoomMessage::RainResult { activity, summary } => {
            let luckiest = summary.luckiest.as_ref();
            room_event::Body::RainResult(wire::RainResult {
                activity: activity.0,
                winners: summary.winners,
                grants: summary.grants,
                total_fen: summary.total.get(),
                luckiest: luckiest.map_or(String::new(), |(user, _)| user.as_str().to_owned()),
                luckiest_fen: luckiest.map_or(0, |(_, cash)| cash.get()),
            })
        }
        RoomMessage::Announcement { .. } | RoomMessage::Relayed(_) => return None,
    };
    Some(wire::RoomEvent { body: Some(body) })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;
    use crate::fanout::Talk;

    fn words(text: &str) -> RoomMessage {
        let from = UserId::parse("host").expect("a name");
        RoomMessage::Announcement { from, text: Arc::from(text), at: Time::from_ms(7) }
    }

    #[test]
    fn what_another_node_encoded_is_taken_in_as_it_is() {
        let there = [words("a"), words("b"), RoomMessage::Likes(3)];
        let events = wire::Tick { events: room_events(&there), ..wire::Tick::default() }.encode_to_vec();
        let relayed = RoomMessage::Relayed(Talk { messages: 3, events: events.into() });
        let heard = room_events(&[RoomMessage::Online(5), relayed]);
        assert_eq!(heard[0], room_events(&[RoomMessage::Online(5)])[0]);
        assert_eq!(heard[1..], room_events(&there));
    }

    #[test]
    fn what_can_not_be_read_spoils_nothing_else() {
        let damaged = RoomMessage::Relayed(Talk { messages: 1, events: Bytes::from_static(&[0xff, 1, 2]) });
        assert_eq!(room_events(&[words("a"), damaged, words("b")]), room_events(&[words("a"), words("b")]));
    }
}
