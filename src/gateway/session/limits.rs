//! How much one session may ask, and how often.

use liveroom_protocol::wire::client_frame;
use serde::{Deserialize, Serialize};

use crate::gateway::rate::{Bucket, Rate};
use crate::rules::Time;

/// What bounds a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// Requests without an answer.
    pub in_flight_max: usize,
    /// Bytes of one frame from the client.
    pub frame_bytes_max: u32,
    /// How often one may ask.
    pub rates: Rates,
    /// The viewer's own that may wait for it.
    pub posts_max: usize,
    /// Bytes of room frames that may wait for the viewer.
    pub mailbox_bytes_max: usize,
    /// How long a connection may wait with its hello, ms.
    pub hello_timeout_ms: u64,
    /// After so long an unanswered request is said to be pending, ms.
    pub pending_after_ms: u64,
}

/// How often one may ask, by kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rates {
    /// Shares of a rain.
    pub claim: Rate,
    /// Carts of a sale.
    pub reserve: Rate,
    /// Orders given up.
    pub release: Rate,
    /// Steps of watch tasks, and check-ins.
    pub earn: Rate,
    /// Tickets of draws, and answers to prizes.
    pub draw: Rate,
    /// A host's words to the room.
    pub announce: Rate,
    /// Signs of life.
    pub ping: Rate,
    /// A viewer's words to the room.
    pub comment: Rate,
    /// Hearts, however many at once.
    pub like: Rate,
    /// Ballots and sign-ups.
    pub vote: Rate,
    /// Gifts.
    pub gift: Rate,
    /// Fan clubs joined and left.
    pub fan_club: Rate,
    /// Questions: boards, the catalogue, the fan club.
    pub look: Rate,
}

impl Rates {
    /// The same for every kind.
    pub const fn all(rate: Rate) -> Self {
        Self {
            claim: rate,
            reserve: rate,
            release: rate,
            draw: rate,
            announce: rate,
            ping: rate,
            gift: rate,
            fan_club: rate,
            look: rate,
            earn: rate,
            comment: rate,
            like: rate,
            vote: rate,
        }
    }
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            claim: Rate { per_second: 20, burst: 40 },
            reserve: Rate { per_second: 10, burst: 20 },
            release: Rate { per_second: 5, burst: 10 },
            earn: Rate { per_second: 5, burst: 10 },
            draw: Rate { per_second: 5, burst: 10 },
            announce: Rate { per_second: 2, burst: 10 },
            ping: Rate { per_second: 2, burst: 10 },
            comment: Rate { per_second: 1, burst: 5 },
            like: Rate { per_second: 5, burst: 10 },
            gift: Rate { per_second: 20, burst: 40 },
            fan_club: Rate { per_second: 1, burst: 5 },
            look: Rate { per_second: 5, burst: 10 },
            vote: Rate { per_second: 2, burst: 10 },
        }
    }
}

/// A bucket for each kind of request.
#[derive(Debug)]
pub(in crate::gateway) struct Buckets {
    claim: Bucket,
    reserve: Bucket,
    release: Bucket,
    earn: Bucket,
    draw: Bucket,
    announce: Bucket,
    comment: Bucket,
    like: Bucket,
    gift: Bucket,
    fan_club: Bucket,
    look: Bucket,
    vote: Bucket,
}

impl Buckets {
    pub(in crate::gateway) fn new(rates: &Rates, now: Time) -> Self {
        let bucket = |rate: Rate| Bucket::new(rate, now);
        Self {
            claim: bucket(rates.claim),
            reserve: bucket(rates.reserve),
            release: bucket(rates.release),
            earn: bucket(rates.earn),
            draw: bucket(rates.draw),
            announce: bucket(rates.announce),
            comment: bucket(rates.comment),
            like: bucket(rates.like),
            gift: bucket(rates.gift),
            fan_club: bucket(rates.fan_club),
            look: bucket(rates.look),
            vote: bucket(rates.vote),
        }
    }

    /// When all of them are full again.
    pub(in crate::gateway) fn full_at(&self) -> Time {
        let Self { claim, reserve, release, earn, draw, announce, comment, like, vote, gift, fan_club, look } = self;
        let full_at = [claim, reserve, release, earn, draw, announce, comment, like, vote, gift, fan_club, look]
            .map(Bucket::full_at);
        full_at.into_iter().max().expect("there are kinds of requests")
    }

    pub(in crate::gateway) fn of(&mut self, body: &client_frame::Body) -> &mut Bucket {
        match body {
            client_frame::Body::Claim(_) => &mut self.claim,
            client_frame::Body::Reserve(_) => &mut self.reserve,
            client_frame::Body::Release(_) => &mut self.release,
            client_frame::Body::ClaimStep(_) | client_frame::Body::CheckIn(_) => &mut self.earn,
            client_frame::Body::EnterDraw(_)
            | client_frame::Body::ReplyPrize(_)
            | client_frame::Body::ProveTicket(_) => &mut self.draw,
            client_frame::Body::Announce(_) => &mut self.announce,
            client_frame::Body::Comment(_) => &mut self.comment,
            client_frame::Body::Like(_) => &mut self.like,
            client_frame::Body::SendGift(_) => &mut self.gift,
            client_frame::Body::JoinFanClub(_) | client_frame::Body::LeaveFanClub(_) => &mut self.fan_club,
            client_frame::Body::AskBoard(_)
            | client_frame::Body::AskCatalogue(_)
            | client_frame::Body::AskFanClub(_)
            | client_frame::Body::Quote(_) => &mut self.look,
            client_frame::Body::Vote(_) | client_frame::Body::SignUp(_) => &mut self.vote,
            // Neither is a request: both are told apart before anything is counted.
            client_frame::Body::Ping(_) | client_frame::Body::Hello(_) => &mut self.announce,
        }
    }
}
