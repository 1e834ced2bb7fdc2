//! Who runs the broadcast: opens, amends and closes what is on the programme, each when its time has come.

use std::sync::Arc;
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::stage::Stage;
use super::programme::{Act, Programme};
use crate::progress::Progress;

/// How often the campaign is looked at, in thousandths of the broadcast.
const LOOKS: u32 = 50;

/// When the room goes off air.
const OFF_AIR: u32 = 980;

/// How long before it opens something is announced.
const ANNOUNCED: u32 = 15;

/// How long what was closed may take to be settled: held orders run out, seats are offered on.
const SETTLING: Duration = Duration::from_secs(90);

/// How often that is looked at.
const SETTLING_EVERY: Duration = Duration::from_millis(100);

/// A host at work.
pub(super) struct Host {
    thread: JoinHandle<anyhow::Result<Hosted>>,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Hosted {
    pub(super) broadcast: u32,
    pub(super) acts: Vec<Played>,
    /// The campaign as it was seen, and at last.
    pub(super) sightings: Vec<Campaign>,
}

/// An act that was played.
#[derive(Debug)]
pub(super) struct Played {
    pub(super) act: Act,
    pub(super) activity: u64,
    /// Seconds since the beginning.
    pub(super) opened_s: f64,
    pub(super) amended_s: Option<f64>,
    pub(super) closed_s: f64,
    /// As the server shows it when it is over.
    pub(super) state: Value,
}

/// A campaign, as far as it is looked at.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Campaign {
    pub(super) phase: String,
    pub(super) orders: u64,
    pub(super) gmv_fen: i64,
    pub(super) participants: u64,
    pub(super) new_users: u64,
}

/// Something to do, for an act by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cue {
    Announce(usize),
    Open(usize),
    Amend(usize),
    Look,
    Close(usize),
    EndBroadcast,
}

struct Run {
    stage: Arc<Stage>,
    programme: Programme,
    viewers: usize,
    begin: Instant,
    broadcast_takes: Duration,
    progress: Progress,
    hosted: Hosted,
    campaign: Option<u64>,
    /// Numbers of what was announced and is not open yet, by the place of the act.
    announced: Vec<Option<u64>>,
}

impl Host {
    /// Begins at `begin`, which may lie ahead.
    pub(super) fn begin(
        stage: Arc<Stage>, programme: Programme, viewers: usize, begin: Instant, takes: Duration, progress: Progress,
    ) -> anyhow::Result<Self> {
        let acts = programme.acts.len();
        let hosted = Hosted { broadcast: 0, acts: Vec::new(), sightings: Vec::new() };
        let announced = vec![None; acts];
        let broadcast_takes = takes;
        let run =
            Run { stage, programme, viewers, begin, broadcast_takes, progress, hosted, campaign: None, announced };
        let thread = thread::Builder::new().name("host".to_owned()).spawn(move || run.play())?;
        Ok(Self { thread })
    }

    /// Waits until everything is settled.
    pub(super) fn wait(self) -> anyhow::Result<Hosted> {
        self.thread.join().map_err(|_| anyhow::anyhow!("the host panicked"))?
    }
}

impl Run {
    fn play(mut self) -> anyhow::Result<Hosted> {
        sleep(self.begin.saturating_duration_since(Instant::now()));
        let started = self.stage.post("/broadcasts", &json!({}))?;
        self.hosted.broadcast = started["broadcast"].as_u64().context("a broadcast has a number")? as u32;
        if self.programme.campaign {
            self.campaign = Some(self.create_campaign()?);
        }
        for (at, cue) in self.cues() {
            let due = self.begin + self.broadcast_takes * at / 1_000;
            sleep(due.saturating_duration_since(Instant::now()));
            self.on(cue).with_context(|| format!("{cue:?} of {}", self.programme.name))?;
        }
        self.settle()?;
        self.look()?;
        Ok(self.hosted)
    }

    /// Everything that is to be done, in its order.
    fn cues(&self) -> Vec<(u32, Cue)> {
        let mut cues = vec![(OFF_AIR, Cue::EndBroadcast)];
        for (place, act) in self.programme.acts.iter().enumerate() {
            if act.mechanic.warms_up() {
                cues.push((act.from.saturating_sub(ANNOUNCED), Cue::Announce(place)));
            }
            cues.push((act.from, Cue::Open(place)));
            cues.extend(act.amended.map(|at| (at, Cue::Amend(place))));
            cues.push((act.until, Cue::Close(place)));
        }
        if self.programme.campaign {
            cues.extend((1..1_000 / LOOKS).map(|n| (n * LOOKS, Cue::Look)));
        }
        cues.sort_unstable();
        cues
    }

    fn on(&mut self, cue: Cue) -> anyhow::Result<()> {
        let now_s = |run: &Self| run.begin.elapsed().as_secs_f64();
        match cue {
            Cue::Announce(place) => {
                let activity = self.draft(place)?;
                self.step(activity, "warm-up")?;
                self.announced[place] = Some(activity);
            }
            Cue::Open(place) => {
                let activity = match self.announced[place] {
                    Some(activity) => activity,
                    None => self.draft(place)?,
                };
                self.step(activity, "open")?;
                let act = self.programme.acts[place];
                self.progress.say(&format!("{} opens", act.title));
                let (opened_s, closed_s) = (now_s(self), f64::NAN);
                let played = Played { act, activity, opened_s, amended_s: None, closed_s, state: Value::Null };
                self.hosted.acts.push(played);
            }
            Cue::Amend(place) => {
                let amendment = self.programme.acts[place].amendment(self.viewers);
                let activity = self.played(place)?.activity;
                self.stage.post(&format!("/activities/{activity}/amendments"), &amendment)?;
                let at = now_s(self);
                self.played(place)?.amended_s = Some(at);
            }
            Cue::Close(place) => {
                let activity = self.played(place)?.activity;
                // A rain that has given everything has ended by itself.
                if let Err(refused) = self.step(activity, "close")
                    && !self.is_over(activity)?
                {
                    return Err(refused);
                }
                let at = now_s(self);
                self.played(place)?.closed_s = at;
            }
            Cue::Look => self.look()?,
            Cue::EndBroadcast => {
                let end = format!("/broadcasts/{}/end", self.hosted.broadcast);
                self.stage.post(&end, &json!({}))?;
            }
        }
        Ok(())
    }

    /// Drafts and schedules an act.
    fn draft(&self, place: usize) -> anyhow::Result<u64> {
        let act = self.programme.acts[place];
        let mut plan = act.plan(self.viewers, self.broadcast_takes);
        plan["sponsor"] = self.stage.sponsor().into();
        let drafted = self.stage.post("/activities", &plan)?;
        let activity = drafted["activity"].as_u64().context("a draft has a number")?;
        if let Some(campaign) = self.campaign.filter(|_| act.promoted) {
            self.stage.post(&format!("/campaigns/{campaign}/activities"), &json!({"activity": activity}))?;
        }
        self.step(activity, "schedule")?;
        Ok(activity)
    }

    fn step(&self, activity: u64, step: &str) -> anyhow::Result<()> {
        self.stage.post(&format!("/activities/{activity}/{step}"), &json!({})).map(drop)
    }

    fn is_over(&self, activity: u64) -> anyhow::Result<bool> {
        let state = self.stage.get(&format!("/activities/{activity}"))?;
        Ok(matches!(state["phase"].as_str(), Some("closed" | "settled")))
    }

    fn played(&mut self, place: usize) -> anyhow::Result<&mut Played> {
        let (title, from) = (self.programme.acts[place].title, self.programme.acts[place].from);
        let played = self.hosted.acts.iter_mut().find(|played| (played.act.title, played.act.from) == (title, from));
        played.context("what is amended or closed was opened")
    }

    /// Times of the campaign: it begins now, and outlasts the broadcast, so that late payments count.
    fn create_campaign(&self) -> anyhow::Result<u64> {
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock")?.as_millis() as u64;
        let takes_ms = self.broadcast_takes.as_millis() as u64;
        let campaign = json!({
            "title": "load", "warm_up_ms": now_ms, "burst_ms": now_ms + takes_ms * 3 / 10,
            "extension_ms": now_ms + takes_ms * 7 / 10,
            "end_ms": now_ms + takes_ms + 10 * SETTLING.as_millis() as u64,
            "goal_gmv_fen": 100_000, "goal_new_users": (self.viewers / 4).max(1),
        });
        let created = self.stage.post("/campaigns", &campaign)?;
        created["campaign"].as_u64().context("a campaign has a number")
    }

    fn look(&mut self) -> anyhow::Result<()> {
        let Some(campaign) = self.campaign else { return Ok(()) };
        let seen = self.stage.get(&format!("/campaigns/{campaign}"))?;
        self.hosted.sightings.push(serde_json::from_value(seen)?);
        Ok(())
    }

    /// Waits until everything is settled, and keeps how it then stands.
    fn settle(&mut self) -> anyhow::Result<()> {
        let give_up = Instant::now() + SETTLING;
        for place in 0..self.hosted.acts.len() {
            let activity = self.hosted.acts[place].activity;
            loop {
                let state = self.stage.get(&format!("/activities/{activity}"))?;
                let settled = state["phase"] == "settled";
                self.hosted.acts[place].state = state;
                // What is not settled then shows in what must hold.
                if settled || Instant::now() > give_up {
                    break;
                }
                sleep(SETTLING_EVERY);
            }
        }
        Ok(())
    }
}
