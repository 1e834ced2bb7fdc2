//! What viewers send: what the buttons send, and what buttons never would.

use bytes::{Bytes, BytesMut};
use liveroom_protocol::wire::{self, activity_state, answer, client_frame::Body};

use crate::chance::Chance;
use crate::viewer::{Asked, Viewer, raw};

/// What an honest viewer asks for next.
pub(crate) fn honest(viewer: &Viewer, chance: &mut Chance) -> Option<Body> {
    let mut states: Vec<_> = viewer.view.activities().collect();
    // Most press what is open.
    if chance.percent(85) {
        states.retain(|state| state.phase() == wire::Phase::Open);
    }
    let state = chance.pick(&states)?;
    if chance.percent(10) {
        let orders: Vec<_> = viewer.orders.keys().copied().collect();
        return chance.pick(&orders).map(|order| release(*order));
    }
    let activity = state.activity;
    Some(match state.kind.as_ref()? {
        activity_state::Kind::Rain(rain) => claim(activity, state.token, rain.opening),
        activity_state::Kind::Draw(_) => Body::EnterDraw(wire::EnterDraw { activity, token: state.token }),
        activity_state::Kind::Drop(drop) => claim(activity, state.token, drop.opening),
        activity_state::Kind::Bag(bag) => claim(activity, state.token, bag.opening),
        activity_state::Kind::Sale(sale) => {
            let mut skus: Vec<_> = sale.skus.iter().collect();
            chance.shuffle(&mut skus);
            skus.truncate(chance.one_of(&[1, 1, 1, 2, 3]));
            let line = |sku: &&wire::SkuState| wire::CartLine {
                sku: sku.sku,
                quantity: 1 + chance.below(3) as u32,
                opening: sku.opening,
            };
            let lines = skus.iter().map(line).collect();
            Body::Reserve(wire::Reserve { activity, token: state.token, lines, coupons: None })
        }
        activity_state::Kind::WatchTask(_) | activity_state::Kind::CheckIn(_) => return None,
        activity_state::Kind::Poll(_) | activity_state::Kind::Enrolment(_) => return None,
    })
}

/// A request of its own that has something wrong with it.
pub(crate) fn crooked(viewer: &Viewer, others: &[u64], chance: &mut Chance) -> Option<Body> {
    let mut body = honest(viewer, chance)?;
    let wrong_opening = chance.one_of(&[0, 1, 1, 2, 7, u32::MAX]);
    let (token, activity) = (chance.id(), chance.below(20));
    let quantity = chance.one_of(&[0, 4, 10_000, 10_001, u32::MAX]);
    let which = chance.below(9);
    match &mut body {
        Body::Claim(claim) => match which {
            0..3 => claim.opening = wrong_opening,
            3..5 => claim.token = token,
            5..7 => claim.activity = activity,
            _ => {
                let lines = vec![wire::CartLine { sku: 1, quantity: 1, opening: 1 }];
                let (activity, token) = (claim.activity, claim.token);
                return Some(Body::Reserve(wire::Reserve { activity, token, lines, coupons: None }));
            }
        },
        Body::Reserve(reserve) => match which {
            0 => reserve.lines.clear(),
            1 => reserve.lines.extend_from_within(..1),
            2 => reserve.token = token,
            3 => reserve.activity = activity,
            4 => reserve.lines.iter_mut().for_each(|line| line.quantity = quantity),
            5 => reserve.lines.iter_mut().for_each(|line| line.sku += 5),
            6 => return Some(claim(reserve.activity, reserve.token, 1)),
            7 => reserve.lines = vec![wire::CartLine { sku: 1, quantity: 1, opening: 1 }; 51],
            _ => reserve.lines.iter_mut().for_each(|line| line.opening = wrong_opening),
        },
        Body::Release(release) => release.order = chance.pick(others).copied().unwrap_or(99),
        _ => {}
    }
    Some(body)
}

/// Bytes that the client would never send, behind what it has to say.
pub(crate) fn mischief(viewer: &mut Viewer, chance: &mut Chance) -> Bytes {
    let (id, nonce) = (chance.id(), chance.id());
    let known: Vec<u64> = viewer.asked.keys().copied().collect();
    let known = chance.pick(&known).copied();
    match chance.below(12) {
        0 => raw(0, Body::Ping(wire::Ping { nonce })),
        1 => raw(id, Body::Announce(wire::Announce { text: "look here".to_owned() })),
        2 => {
            let text = "long ".repeat(chance.one_of(&[0, 201]));
            raw(id, Body::Announce(wire::Announce { text }))
        }
        // The client's own requests, sent again while they are under way or long after.
        3..6 => {
            let mut bytes = BytesMut::new();
            for _ in 0..chance.one_of(&[1, 2, 12]) {
                if let Some(asked) = known.and_then(|id| viewer.asked.get(&id)) {
                    bytes.extend_from_slice(&raw(known.unwrap_or(1), asked.body.clone()));
                }
            }
            bytes.freeze()
        }
        // An id that has a grant or an order, with other parameters.
        6..8 => match known.and_then(|id| Some((id, other_parameters(viewer.asked.get(&id)?)?))) {
            Some((id, body)) => raw(id, body),
            None => Bytes::new(),
        },
        // One id for two activities, from the start.
        8..11 => {
            let both = (honest(viewer, chance), honest(viewer, chance));
            let (Some(first), Some(second)) = both else { return Bytes::new() };
            let asked = Asked { body: first.clone(), honest: false, open: false, given_up: false, first: None };
            viewer.asked.insert(id, asked);
            let mut bytes = BytesMut::from(&raw(id, first.clone())[..]);
            bytes.extend_from_slice(&raw(id, second));
            bytes.extend_from_slice(&raw(id, first));
            bytes.freeze()
        }
        _ => match chance.below(4) {
            0 => Bytes::from(chance.bytes().to_vec()),
            1 => raw(0, claim(1, 1, 1)),
            2 => raw(0, Body::Hello(wire::Hello::default())),
            _ => Bytes::from_static(&[0xff, 0xff, 0xff, 0x7f]),
        },
    }
}

fn other_parameters(asked: &Asked) -> Option<Body> {
    if !asked.honest || !matches!(asked.first, Some(answer::Outcome::Grant(_) | answer::Outcome::Order(_))) {
        return None;
    }
    let mut body = asked.body.clone();
    match &mut body {
        Body::Claim(claim) => claim.opening += 1,
        Body::Reserve(reserve) => reserve.lines.first_mut()?.quantity += 1,
        _ => return None,
    }
    Some(body)
}

fn claim(activity: u64, token: u64, opening: u32) -> Body {
    Body::Claim(wire::Claim { activity, token, opening })
}

fn release(order: u64) -> Body {
    Body::Release(wire::Release { order })
}
