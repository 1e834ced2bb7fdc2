//! Draws and lucky bags, as viewers, hosts and those who trust nobody see them.

mod bags;
mod beacon;
mod keyword;
mod record;
mod served;
mod verify;

use liveroom::rules::{Digest, DrawReceipt, HexBytes, UserId};
use liveroom_protocol::client::{Client, Event, Events, Outcome, RoomView};
use liveroom_protocol::wire::{ActivityState, DrawTicket, Own};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::served::{PATIENCE, Served};

/// A bag with these many prizes of one kind, for an hour.
pub fn lucky_bag(title: &str, count: u32, more: Value) -> Value {
    let mut bag = json!({ "prizes": [{ "title": title, "count": count }], "duration_ms": 3_600_000 });
    bag.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "title": "bag", "lucky_bag": bag })
}

/// The token of a draw, as the room says it.
pub async fn token(events: &mut Events, activity: u64) -> u64 {
    state(events, activity, |state| (state.token != 0).then_some(state.token)).await
}

/// What `look` finds in an activity's state, as soon as there is something.
async fn state<T>(events: &mut Events, activity: u64, look: impl Fn(&ActivityState) -> Option<T>) -> T {
    let mut view = RoomView::new();
    let wait = async {
        loop {
            view.apply(&events.next().await.expect("the client goes on"));
            if let Some(found) = view.activity(activity).and_then(&look) {
                return found;
            }
        }
    };
    timeout(PATIENCE, wait).await.expect("the room does not say so")
}

async fn next_own(events: &mut Events) -> Own {
    let wait = async {
        loop {
            if let Event::Own(own) = events.next().await.expect("the client goes on") {
                return own;
            }
        }
    };
    timeout(PATIENCE, wait).await.expect("nothing of one's own came")
}

pub async fn enter(client: &Client, activity: u64, token: u64) -> DrawTicket {
    match client.enter_draw(activity, token).await.unwrap() {
        Outcome::Entered(ticket) => ticket,
        other => panic!("{other:?}"),
    }
}

/// A ticket, as an entrant keeps it.
fn receipt(ticket: &DrawTicket) -> DrawReceipt {
    let digest = |bytes: &[u8]| Digest(bytes.try_into().unwrap());
    DrawReceipt {
        draw: ticket.draw.clone(),
        rules_hash: digest(&ticket.rules_hash),
        commitment: digest(&ticket.commitment),
        ticket: UserId::parse(&ticket.ticket).unwrap(),
        leaf: ticket.leaf,
        key: digest(&ticket.key),
        signature: HexBytes(ticket.signature.to_vec()),
    }
}

async fn entries(served: &Served, activity: u64) -> u64 {
    served.activity("r1", activity).await["draw"]["entries"].as_u64().unwrap()
}
