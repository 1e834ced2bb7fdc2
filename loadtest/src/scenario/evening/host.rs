//! Who runs the broadcast: opens, amends and closes what is on the programme, each when its time has come.

use std::sync::Arc;
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::risk::{End, Hold};
use super::super::stage::Stage;
use super::experiment;
use super::programme::{Act, Mechanic, Programme, RULED, Source};
use crate::progress::Progress;

/// How often the campaign is looked at, in thousandths of the broadcast.
const LOOKS: u32 = 50;

/// When the room goes off air.
const OFF_AIR: u32 = 980;

/// How long before it opens something is announced.
const ANNOUNCED: u32 = 15;

/// After so many holds an operator has seen enough for the moment.
const RULED_MAX: usize = 30;

/// How long what was closed may take to be settled: held orders run out, seats are offered on.
const SETTLING: Duration = Duration::from_secs(90);

/// How often that is looked at.
const SETTLING_EVERY: Duration = Duration::from_millis(100);

/// A recurrence creates its activities so long ahead, and has one every day: so many at once.
const AHEAD_MS: u64 = 7 * 86_400_000;
const DAYS: u64 = 7;

/// How long that may take.
const RECURRING: Duration = Duration::from_secs(20);

/// A host at work.
pub(super) struct Host {
    thread: JoinHandle<anyhow::Result<Run>>,
}

/// Whom it is played for.
#[derive(Debug)]
pub(super) struct Crowd {
    /// How many come.
    pub(super) viewers: usize,
    /// Those of them whose cash may be held.
    pub(super) suspects: Vec<String>,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Hosted {
    pub(super) broadcast: u32,
    pub(super) acts: Vec<Played>,
    /// When it began: nobody has watched it for longer than since then.
    pub(super) began: Instant,
    /// The campaign as it was seen, and at last.
    pub(super) sightings: Vec<Campaign>,
    /// What came of recurrences.
    pub(super) recurred: Vec<Recurred>,
    /// Cash that was held, and what the operator said should become of it.
    pub(super) ruled: Vec<(Hold, End)>,
    /// What each arm of the experiment has brought, when that has ended.
    pub(super) experiment: Option<Value>,
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
    /// Whether it was over before the host closed it.
    pub(super) ended_by_itself: bool,
    /// As the host asked for it.
    pub(super) plan: Value,
    /// As the server shows it when it is over.
    pub(super) state: Value,
}

/// A recurrence, and the activities that it has become.
#[derive(Debug, Default)]
pub(super) struct Recurred {
    /// How many activities the server says that there are of it, and how many it says were missed.
    pub(super) created: u64,
    pub(super) missed: u64,
    /// Number of each, and when it opens.
    pub(super) activities: Vec<(u64, i64)>,
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
    Rule,
    Look,
    Close(usize),
    EndBroadcast,
}

struct Run {
    stage: Arc<Stage>,
    programme: Programme,
    crowd: Crowd,
    begin: Instant,
    broadcast_takes: Duration,
    progress: Progress,
    hosted: Hosted,
    campaign: Option<u64>,
    /// Numbers of what was announced and is not open yet, by the place of the act.
    announced: Vec<Option<Drafted>>,
}

/// An activity that is scheduled, and the plan that it has.
#[derive(Debug, Clone)]
struct Drafted {
    activity: u64,
    plan: Value,
}

impl Host {
    /// Begins at `begin`, which may lie ahead.
    pub(super) fn begin(
        stage: Arc<Stage>, programme: Programme, crowd: Crowd, begin: Instant, takes: Duration, progress: Progress,
    ) -> anyhow::Result<Self> {
        let announced = vec![None; programme.acts.len()];
        let hosted = Hosted {
            broadcast: 0,
            acts: Vec::new(),
            began: begin,
            sightings: Vec::new(),
            recurred: Vec::new(),
            ruled: Vec::new(),
            experiment: None,
        };
        let (broadcast_takes, campaign) = (takes, None);
        let run = Run { stage, programme, crowd, begin, broadcast_takes, progress, hosted, campaign, announced };
        let thread = thread::Builder::new().name("host".to_owned()).spawn(move || run.play())?;
        Ok(Self { thread })
    }

    /// Waits until the programme is over, when nobody does anything any more, and until everything is settled.
    pub(super) fn wait(self) -> anyhow::Result<Hosted> {
        let played = self.thread.join().map_err(|_| anyhow::anyhow!("the host panicked"))?;
        played?.close_down()
    }
}

impl Run {
    fn play(mut self) -> anyhow::Result<Self> {
        sleep(self.begin.saturating_duration_since(Instant::now()));
        self.hosted.began = Instant::now();
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
        Ok(self)
    }

    fn close_down(mut self) -> anyhow::Result<Hosted> {
        for place in 0..self.programme.acts.len() {
            if self.programme.acts[place].mechanic == Mechanic::Decoy {
                self.on(Cue::Close(place))?;
            }
        }
        self.call_off()?;
        self.settle()?;
        self.look()?;
        if self.programme.experiment {
            self.hosted.experiment = Some(experiment::end(&self.stage)?);
        }
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
            // A decoy stays for as long as somebody is there to guess it.
            if act.mechanic != Mechanic::Decoy {
                cues.push((act.until, Cue::Close(place)));
            }
            if self.programme.mixed && act.mechanic == Mechanic::Rain {
                cues.push((act.from + RULED, Cue::Rule));
            }
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
                let drafted = self.draft(place)?;
                self.step(drafted.activity, "warm-up")?;
                self.announced[place] = Some(drafted);
            }
            Cue::Open(place) => {
                let Drafted { activity, plan } = match self.announced[place].take() {
                    Some(drafted) => drafted,
                    None => self.draft(place)?,
                };
                self.step(activity, "open")?;
                let act = self.programme.acts[place];
                self.progress.say(&format!("{} opens", act.title));
                self.hosted.acts.push(Played {
                    act,
                    activity,
                    opened_s: now_s(self),
                    amended_s: None,
                    closed_s: f64::NAN,
                    ended_by_itself: false,
                    plan,
                    state: Value::Null,
                });
            }
            Cue::Amend(place) => {
                let amendment = self.programme.acts[place].amendment(self.crowd.viewers);
                let activity = self.played(place)?.activity;
                self.stage.post(&format!("/activities/{activity}/amendments"), &amendment)?;
                let at = now_s(self);
                self.played(place)?.amended_s = Some(at);
            }
            Cue::Close(place) => {
                let activity = self.played(place)?.activity;
                // What has given everything may have ended by itself.
                let closed = self.step(activity, "close");
                let ended_by_itself = closed.is_err();
                if let Err(refused) = closed
                    && !self.is_over(activity)?
                {
                    return Err(refused);
                }
                let at = now_s(self);
                let played = self.played(place)?;
                (played.closed_s, played.ended_by_itself) = (at, ended_by_itself);
            }
            Cue::Rule => self.rule()?,
            Cue::Look => self.look()?,
            Cue::EndBroadcast => {
                let end = format!("/broadcasts/{}/end", self.hosted.broadcast);
                self.stage.post(&end, &json!({}))?;
            }
        }
        Ok(())
    }

    /// Drafts and schedules an act.
    fn draft(&mut self, place: usize) -> anyhow::Result<Drafted> {
        let act = self.programme.acts[place];
        let mut plan = act.plan(self.crowd.viewers, self.broadcast_takes);
        plan["sponsor"] = self.stage.sponsor().into();
        let number = |drafted: &Value| drafted["activity"].as_u64().context("a draft has a number");
        let activity = match act.source {
            Source::Plan => number(&self.stage.post("/activities", &plan)?)?,
            Source::Template => {
                let template = self.save_template(place, &plan)?;
                number(&self.stage.post(&format!("/templates/{template}/activities"), &json!({}))?)?
            }
            Source::Recurrence => self.recur(place, &plan)?,
        };
        if let Some(campaign) = self.campaign.filter(|_| act.promoted) {
            self.stage.post(&format!("/campaigns/{campaign}/activities"), &json!({"activity": activity}))?;
        }
        // What a recurrence has become is handed in by itself.
        if act.source != Source::Recurrence {
            self.step(activity, "schedule")?;
        }
        Ok(Drafted { activity, plan })
    }

    fn save_template(&self, place: usize, plan: &Value) -> anyhow::Result<String> {
        let template = format!("act-{place}");
        self.stage.put(&format!("/templates/{template}"), &json!({ "plan": plan }))?;
        Ok(template)
    }

    /// Has an act every day of a week from now on, each created and handed in a week ahead: all at once. Then it rests. The first of
    /// them is the one that is played.
    fn recur(&mut self, place: usize, plan: &Value) -> anyhow::Result<u64> {
        let template = self.save_template(place, plan)?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock")?;
        // Late enough that none opens by itself before it is known.
        let minute = (since.as_secs() / 60 + 5) % 1_440;
        let rule = json!({
            "template": template, "at": format!("{:02}:{:02}", minute / 60, minute % 60), "zone": "Etc/UTC",
            "days": ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"], "ahead_ms": AHEAD_MS,
        });
        let recurrence = self.stage.post("/recurrences", &rule)?["recurrence"].as_u64().context("it has a number")?;
        let title = self.programme.acts[place].title;
        let give_up = Instant::now() + RECURRING;
        let recurred = loop {
            let recurred = self.recurred(recurrence, title)?;
            if recurred.is_some() || Instant::now() > give_up {
                break recurred.context("the occurrences do not come")?;
            }
            sleep(SETTLING_EVERY);
        };
        self.stage.post(&format!("/recurrences/{recurrence}/pause"), &json!({}))?;
        let first = recurred.activities.iter().min_by_key(|(_, opens_at)| *opens_at).context("there is a first one")?.0;
        self.hosted.recurred.push(recurred);
        Ok(first)
    }

    /// What a recurrence has come to, once it has a week of activities that are scheduled.
    fn recurred(&self, recurrence: u64, title: &str) -> anyhow::Result<Option<Recurred>> {
        let all = self.stage.get("/recurrences")?;
        let ours = all.as_array().into_iter().flatten().find(|one| one["recurrence"] == recurrence);
        let counted = |key: &str| ours.and_then(|one| one[key].as_u64()).unwrap_or(0);
        let (created, missed) = (counted("created"), counted("missed"));
        let activities = self.stage.get("/activities")?;
        let scheduled = activities.as_array().into_iter().flatten().filter(|one| one["title"] == title);
        let scheduled = scheduled.filter(|one| one["phase"] == "scheduled");
        let of = |one: &Value| Some((one["activity"].as_u64()?, one["opens_at_ms"].as_i64()?));
        let activities: Vec<_> = scheduled.filter_map(of).collect();
        let whole = created + missed >= DAYS && activities.len() as u64 >= created;
        Ok(whole.then_some(Recurred { created, missed, activities }))
    }

    /// What is still to come of recurrences is called off: its money goes back.
    fn call_off(&self) -> anyhow::Result<()> {
        let played = |activity: u64| self.hosted.acts.iter().any(|act| act.activity == activity);
        let activities = self.hosted.recurred.iter().flat_map(|recurred| &recurred.activities);
        activities
            .filter(|(activity, _)| !played(*activity))
            .try_for_each(|(activity, _)| self.step(*activity, "cancel"))
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
            "goal_gmv_fen": 100_000, "goal_new_users": (self.crowd.viewers / 4).max(1),
        });
        let created = self.stage.post("/campaigns", &campaign)?;
        created["campaign"].as_u64().context("a campaign has a number")
    }

    /// An operator looks at what is held: of three holds one is forfeited, one released, and one left to its time.
    fn rule(&mut self) -> anyhow::Result<()> {
        let mut seen = 0;
        for user in &self.crowd.suspects {
            for hold in self.stage.holds(user)?.into_iter().filter(Hold::is_open) {
                let end = [Some(End::Forfeit), Some(End::Release), None][seen % 3];
                seen += 1;
                // Its time may have come meanwhile: then that was its end.
                if let Some(end) = end
                    && self.stage.end_hold(&hold, end).is_ok()
                {
                    self.hosted.ruled.push((hold, end));
                }
            }
            if seen >= RULED_MAX {
                break;
            }
        }
        Ok(())
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
