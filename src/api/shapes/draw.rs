//! Draws: lucky bags, keyword draws, mic-link draws.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Problem, fen, user_id};
use crate::filter::normalise;
use crate::rules::{
    AwardState, Beacon, Chain, Digest, DrawLevel, DrawPlan, HexBytes, Occasion, PrizePlan, Scheme, Time,
};
use crate::store::{ActivityView, KindView};

/// A lucky bag, a keyword draw or a mic-link draw.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewDraw {
    /// What there is to win, in the order in which it is given: 1 to 20 kinds, 1,000 prizes in all.
    pub prizes: Vec<NewPrize>,
    /// How long entries are taken: 1 s to 7 days.
    pub duration_ms: u64,
    /// How long a winner may pass a prize on that is no cash (0: not at all); of a mic-link draw, how long a seat is offered
    /// (5 s to 10 minutes).
    #[serde(default)]
    pub answer_ms: u64,
    /// Of a keyword draw: what is to be posted, 1 to 64 bytes. It is compared without regard to width, case, spaces and traditional
    /// forms.
    pub keyword: Option<String>,
    /// Users who can't enter: at most 1,000. Published with the rules.
    #[serde(default)]
    pub excluded: Vec<String>,
    /// Users who rank before all others if they enter: at most 1,000. Published with the rules.
    #[serde(default)]
    pub preferred: Vec<String>,
    /// The public value that the winners follow from, beside the seed. Without it the draw is `sealed`.
    pub beacon: Option<NewBeacon>,
}

/// Identical prizes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewPrize {
    /// 1 to 100 bytes.
    pub title: String,
    /// How many.
    pub count: u32,
    /// Cash in each; none for a thing.
    #[serde(default)]
    pub cash_fen: i64,
}

/// Which round of which drand chain.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewBeacon {
    /// The round: at least 5 s after the close. If it is not named, the first such after `opens_at_ms` and the duration.
    pub round: Option<u64>,
    /// The chain; `quicknet` if it is not named.
    pub chain: Option<NewChain>,
}

/// A drand chain, in the words of its `/info`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewChain {
    /// Hex.
    pub hash: String,
    /// Hex.
    pub public_key: String,
    /// `pedersen-bls-chained`, `pedersen-bls-unchained` or `bls-unchained-g1-rfc9380`.
    pub scheme_id: String,
    /// Seconds.
    pub period: u32,
    /// Seconds since the epoch.
    pub genesis_time: i64,
    /// Hex.
    pub group_hash: String,
    /// Its short name.
    pub beacon_id: String,
}

/// A drand round, as a relay answers it.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::api) struct DrawBeaconShape {
    /// Which.
    pub round: u64,
    /// Hex.
    pub signature: String,
    /// Hex; only of a chained scheme.
    #[serde(default)]
    pub previous_signature: String,
}

/// A draw as it stands.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct DrawShape {
    /// The hash of the published rules.
    pub rules_hash: String,
    /// The hash of the secret seed.
    pub commitment: String,
    /// `sealed` or `beacon`.
    pub level: &'static str,
    /// At level `beacon`: the round.
    pub round: Option<u64>,
    /// When that comes.
    pub round_at_ms: Option<i64>,
    /// Tickets that are in.
    pub entries: u32,
    /// The root over them, once they are frozen.
    pub root: Option<String>,
    /// Who won what, by rank, once it is drawn.
    pub winners: Option<Vec<WinnerShape>>,
}

/// A winner.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct WinnerShape {
    /// The place in the ranking, from 0.
    pub rank: u32,
    /// Who.
    pub user: String,
    /// What.
    pub prize: String,
    /// The cash in it.
    pub cash_fen: i64,
    /// `offered`, `kept` or `passed`.
    pub state: &'static str,
    /// Until when the winner may answer.
    pub answer_by_ms: i64,
}

impl NewDraw {
    /// The plan of a draw that opens at `opens_at`, if that is known, with receipts signed by `receipt_key`.
    pub(in crate::api) fn plan(
        self, occasion: fn(Option<String>) -> Result<Occasion, Problem>, opens_at: Option<Time>,
        receipt_key: Option<Digest>,
    ) -> Result<DrawPlan, Problem> {
        let no_key =
            || Problem::invalid("this server has no key for receipts (draws.receipt_key_file), so it takes no draws");
        let prizes = self.prizes.into_iter().map(|prize| {
            let NewPrize { title, count, cash_fen } = prize;
            Ok(PrizePlan { title, count, cash_fen: fen("prizes.cash_fen", cash_fen)? })
        });
        let closes_at = opens_at.map(|at| at.after_ms(self.duration_ms));
        Ok(DrawPlan {
            occasion: occasion(self.keyword)?,
            prizes: prizes.collect::<Result<_, Problem>>()?,
            duration_ms: self.duration_ms,
            answer_ms: self.answer_ms,
            level: self.beacon.map_or(Ok(DrawLevel::Sealed), |beacon| beacon.level(closes_at))?,
            excluded: self.excluded.iter().map(|user| user_id(user)).collect::<Result<_, _>>()?,
            preferred: self.preferred.iter().map(|user| user_id(user)).collect::<Result<_, _>>()?,
            receipt_key: receipt_key.ok_or_else(no_key)?,
        })
    }
}

/// One enters by posting the keyword, which there has to be.
pub(super) fn with_keyword(keyword: Option<String>) -> Result<Occasion, Problem> {
    let keyword = keyword.ok_or_else(|| Problem::invalid("keyword: a keyword draw has one"))?;
    comparable(&keyword)?;
    Ok(Occasion::Keyword(keyword))
}

/// One enters by a tap.
pub(super) fn without_keyword(keyword: Option<String>, occasion: Occasion) -> Result<Occasion, Problem> {
    match keyword {
        Some(_) => {
            Err(Problem::invalid("keyword: only a keyword draw has one; what is asked of everybody is a condition"))
        }
        None => Ok(occasion),
    }
}

/// Something of a keyword has to be left when it is compared, or nobody could post it.
pub(super) fn comparable(keyword: &str) -> Result<(), Problem> {
    match normalise(keyword).is_empty() {
        true => Err(Problem::invalid("keyword: nothing of it is left when spaces and what is not seen are taken away")),
        false => Ok(()),
    }
}

impl NewBeacon {
    fn level(self, closes_at: Option<Time>) -> Result<DrawLevel, Problem> {
        let chain = self.chain.map_or_else(|| Ok(Chain::quicknet()), NewChain::chain)?;
        let after = closes_at.map(|at| chain.round_from(at.after_ms(DrawPlan::BEACON_MARGIN_MS)));
        let round = self.round.or(after).ok_or_else(|| {
            Problem::invalid(
                "beacon.round must be named where opens_at_ms is not: the rules are published before the opening",
            )
        })?;
        Ok(DrawLevel::Beacon { chain: Box::new(chain), round })
    }
}

impl NewChain {
    fn chain(self) -> Result<Chain, Problem> {
        let no_hex = |field: &str| Problem::invalid(format!("beacon.chain.{field} is lower-case hex"));
        let scheme = [Scheme::Chained, Scheme::Unchained, Scheme::UnchainedG1];
        let scheme = scheme.into_iter().find(|scheme| scheme.word() == self.scheme_id);
        Ok(Chain {
            hash: Digest::parse(&self.hash).ok_or_else(|| no_hex("hash"))?,
            public_key: HexBytes::parse(&self.public_key).ok_or_else(|| no_hex("public_key"))?,
            scheme: scheme
                .ok_or_else(|| Problem::invalid("beacon.chain.scheme_id is of a scheme that is not known"))?,
            period_s: self.period,
            genesis_s: self.genesis_time,
            group_hash: Digest::parse(&self.group_hash).ok_or_else(|| no_hex("group_hash"))?,
            beacon_id: self.beacon_id,
        })
    }
}

impl DrawBeaconShape {
    pub(in crate::api) fn beacon(self) -> Result<Beacon, Problem> {
        let hex = |field: &str, text: &str| {
            HexBytes::parse(text).ok_or_else(|| Problem::invalid(format!("{field} is lower-case hex")))
        };
        Ok(Beacon {
            round: self.round,
            signature: hex("signature", &self.signature)?,
            previous_signature: hex("previous_signature", &self.previous_signature)?,
        })
    }
}

impl DrawShape {
    /// The draw in an activity's view.
    pub(in crate::api) fn of(view: &ActivityView, plan: &DrawPlan) -> Option<Self> {
        let (rules_hash, commitment) = view.draw_terms?;
        let (entries, root, winners) = match &view.kind {
            Some(KindView::Draw { entries, root, winners }) => (*entries, *root, winners.as_ref()),
            _ => (0, None, None),
        };
        let (round, round_at_ms) = match &plan.level {
            DrawLevel::Sealed => (None, None),
            DrawLevel::Beacon { chain, round } => (Some(*round), Some(chain.time_of(*round).ms())),
        };
        let winners = winners.map(|winners| {
            let shape = |(user, prize): &(crate::rules::UserId, crate::store::DrawPrize)| WinnerShape {
                rank: prize.rank,
                user: user.to_string(),
                prize: prize.title.clone(),
                cash_fen: prize.cash.get(),
                state: match prize.state {
                    AwardState::Offered => "offered",
                    AwardState::Kept => "kept",
                    AwardState::Passed => "passed",
                },
                answer_by_ms: prize.answer_by.ms(),
            };
            winners.iter().map(shape).collect()
        });
        Some(Self {
            rules_hash: rules_hash.to_string(),
            commitment: commitment.to_string(),
            level: plan.level.word(),
            round,
            round_at_ms,
            entries,
            root: root.map(|root| root.to_string()),
            winners,
        })
    }
}
