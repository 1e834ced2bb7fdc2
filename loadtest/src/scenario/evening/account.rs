//! The account of an evening: what happened when, who was there, what was won, and what held.

use std::collections::BTreeMap;

use liveroom_protocol::wire::HoldState;
use serde::Serialize;
use serde_json::json;

use super::super::risk::End;
use super::Played;
use super::cast::{Part, cast};
use super::persona::Persona;
use super::programme::{Mechanic, Source};
use super::told::Answers;
use crate::cli::{CommonArgs, LoadArgs, Transport};
use crate::html::evening::{self, Bar, Page, Row};
use crate::outcome::{Outcome, say};
use crate::report::write_json;
use crate::table::{self, count};

/// An evening to tell of.
pub(super) struct Account {
    seed: u64,
    outcome: Outcome,
    how: String,
    cast: BTreeMap<Persona, Part>,
    acts: Vec<ActTold>,
    answers: BTreeMap<&'static str, Answers>,
    campaign: Option<super::host::Campaign>,
    coins: i64,
    givers: u64,
    held: HeldTold,
    complaints: Vec<String>,
    audited_events: Option<u64>,
    length_s: f64,
}

/// An act, as it is told.
#[derive(Debug, Clone, Serialize)]
struct ActTold {
    kind: &'static str,
    title: &'static str,
    source: Source,
    activity: u64,
    opened_s: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    amended_s: Option<f64>,
    closed_s: f64,
    winners: u64,
    grants: u64,
    given_fen: i64,
    sold_fen: i64,
    /// Of a decoy: who has guessed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    caught: Option<u64>,
}

/// What became of cash that was held.
#[derive(Debug, Default, Clone, Serialize)]
struct HeldTold {
    by_time: u64,
    released: u64,
    forfeited: u64,
    forfeited_fen: i64,
}

impl Account {
    /// Of an evening that is over.
    pub(super) fn of(played: &Played, load: &LoadArgs, audited_events: Option<u64>) -> Self {
        let transport = match load.transport {
            Transport::Quic => "QUIC",
            Transport::Ws => "WebSocket",
        };
        let servers = match load.targets.len() {
            1 => "one server".to_owned(),
            n => format!("{n} servers"),
        };
        let acts = played.hosted.acts.iter().zip(&played.won).map(|(of, won)| ActTold {
            kind: of.act.mechanic.word(),
            title: of.act.title,
            source: of.act.source,
            activity: of.activity,
            opened_s: of.opened_s,
            amended_s: of.amended_s,
            closed_s: of.closed_s,
            winners: won.winners,
            grants: won.grants,
            given_fen: won.fen,
            sold_fen: won.orders_fen,
            caught: (of.act.mechanic == Mechanic::Decoy).then(|| caught(played, of.activity)),
        });
        let mut answers = BTreeMap::<_, Answers>::new();
        for (kind, of) in played.viewers.iter().flat_map(|viewer| &viewer.told.answers) {
            let sum = answers.entry(*kind).or_default();
            (sum.all, sum.granted) = (sum.all + of.all, sum.granted + of.granted);
        }
        let sent = played.viewers.iter().map(|viewer| viewer.told.coins_sent);
        Self {
            seed: played.seed,
            outcome: played.outcome(),
            how: format!("{transport}, {servers}"),
            cast: cast(&played.viewers, load.common.duration),
            acts: acts.collect(),
            answers,
            campaign: played.hosted.sightings.last().cloned(),
            coins: sent.clone().sum(),
            givers: sent.filter(|coins| *coins > 0).count() as u64,
            held: HeldTold::of(played),
            complaints: played.verdicts.complaints.clone(),
            audited_events,
            length_s: load.common.duration.as_secs_f64(),
        }
    }

    /// Shows it, writes it where the command line says, and tells whether all was well.
    pub(super) fn publish(&self, common: &CommonArgs) -> anyhow::Result<bool> {
        say(table::table(&[("show", &self.outcome.report)]))?;
        say(format_args!("seed {}: {}", self.seed, self.audited()))?;
        if let Some(path) = &common.json {
            write_json(path, &self.json()?)?;
        }
        if let Some(path) = &common.html {
            evening::write(path, &self.page())?;
        }
        Ok(self.outcome.report.ok)
    }

    fn audited(&self) -> String {
        match self.audited_events {
            Some(events) => format!("the server's books were audited, {} events", count(events)),
            None => "the server's books were not audited: name them with --data-dir or --store".to_owned(),
        }
    }

    fn json(&self) -> anyhow::Result<serde_json::Value> {
        let mut json = serde_json::to_value(&self.outcome.report)?;
        json["seed"] = self.seed.into();
        json["cast"] = serde_json::to_value(&self.cast)?;
        json["acts"] = serde_json::to_value(&self.acts)?;
        json["held"] = serde_json::to_value(&self.held)?;
        json["gifts"] = json!({"givers": self.givers, "coins": self.coins});
        let answers = self.answers.iter().map(|(kind, of)| (*kind, json!({"answers": of.all, "granted": of.granted})));
        json["answers"] = answers.map(|(kind, of)| (kind.to_owned(), of)).collect::<serde_json::Map<_, _>>().into();
        json["audited_events"] = self.audited_events.into();
        Ok(json)
    }

    fn page(&self) -> Page<'_> {
        let bars = self.acts.iter().map(|act| Bar {
            title: act.title,
            from_s: act.opened_s,
            until_s: act.closed_s,
            mark_s: act.amended_s,
            note: act.note(),
            origin: act.origin(),
        });
        let mut won: Vec<_> = self.acts.iter().map(ActTold::row).collect();
        if self.givers > 0 {
            let senders = format!("{} viewers", count(self.givers));
            won.push(Row::of(["礼物", &senders, &format!("{} coins", count(self.coins as u64))]));
        }
        let HeldTold { by_time, released, forfeited, forfeited_fen } = self.held;
        if by_time + released + forfeited > 0 {
            let ends = format!(
                "{} credited by time, {} released, {} forfeited",
                count(by_time),
                count(released),
                count(forfeited)
            );
            won.push(Row::of(["held cash", &ends, &format!("{} forfeited", yuan(forfeited_fen))]));
        }
        if let Some(campaign) = &self.campaign {
            let (viewers, new) = (count(campaign.participants), count(campaign.new_users));
            let sold = format!("{} orders, {}", count(campaign.orders), yuan(campaign.gmv_fen));
            won.push(Row::of(["预热 → 爆发 → 延续", &format!("{viewers} viewers, {new} new"), &sold]));
        }
        let answers = self.answers.iter().map(|(kind, of)| {
            Row::of([
                &kind.replace('_', " "),
                &count(of.all),
                &if of.granted > 0 { count(of.granted) } else { String::new() },
            ])
        });
        let cast = self.cast.iter().map(|(persona, part)| part.row(*persona));
        Page {
            title: "An evening's broadcast",
            lead: format!("{}. {}. Seed {}.", self.how, sentence(&self.audited()), self.seed),
            outcome: &self.outcome,
            length_s: self.length_s,
            bars: bars.collect(),
            cast: cast.collect(),
            won,
            answers: answers.collect(),
            complaints: &self.complaints,
        }
    }
}

impl HeldTold {
    fn of(played: &Played) -> Self {
        let ended = |how| played.viewers.iter().map(|viewer| viewer.told.held.ended(how)).sum::<u64>();
        let (released, forfeited): (Vec<_>, Vec<_>) =
            played.hosted.ruled.iter().partition(|(_, end)| *end == End::Release);
        Self {
            by_time: ended(HoldState::Credited).saturating_sub(released.len() as u64),
            released: released.len() as u64,
            forfeited: ended(HoldState::Forfeited),
            forfeited_fen: forfeited.iter().map(|(hold, _)| hold.amount_fen).sum(),
        }
    }
}

/// How many have guessed a decoy.
fn caught(played: &Played, decoy: u64) -> u64 {
    played.viewers.iter().filter(|viewer| viewer.told.guessed.contains(&decoy)).count() as u64
}

impl ActTold {
    fn note(&self) -> String {
        if let Some(caught) = self.caught {
            return format!("{} caught", count(caught));
        }
        match (self.given_fen, self.sold_fen) {
            (0, 0) => format!("{} viewers", count(self.winners)),
            (given, 0) => yuan(given),
            (_, sold) => yuan(sold),
        }
    }

    fn row(&self) -> Row {
        if let Some(caught) = self.caught {
            return Row::of([self.title, &format!("{} bots", count(caught)), "caught, and given nothing"]);
        }
        let came_to = match self.kind {
            "flash_sale" => format!("{} orders, {} paid", count(self.grants), yuan(self.sold_fen)),
            "poll" | "enrolment" => String::new(),
            "code_bag" => format!("{} codes", count(self.grants)),
            _ if self.given_fen > 0 => format!("{} prizes, {} in cash", count(self.grants), yuan(self.given_fen)),
            _ => format!("{} prizes", count(self.grants)),
        };
        let title = self.origin().map_or_else(|| self.title.to_owned(), |origin| format!("{} ({origin})", self.title));
        Row::of([&title, &format!("{} viewers", count(self.winners)), &came_to])
    }

    /// Where it comes from, if the host has not planned it for the evening.
    fn origin(&self) -> Option<&'static str> {
        match self.source {
            Source::Plan => None,
            Source::Template => Some("of a template"),
            Source::Recurrence => Some("of a template, every day"),
        }
    }
}

fn yuan(fen: i64) -> String {
    format!("¥{}.{:02}", count(fen as u64 / 100), fen % 100)
}

fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
