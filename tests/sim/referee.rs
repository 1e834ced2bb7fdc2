//! Judges: keeps the whole log, a second set of tables, every decision, and an auditor that sees each event.
//!
//! Everything here panics at the first thing that is wrong; the runner says which seed it was.

use std::collections::{HashMap, HashSet};

use liveroom::rules::{
    Account, ActivityId, CampaignId, Currency, Fingerprint, NotDoneCode, PaymentOutcome, Refusal, RefusalCode,
    RequestId, RoomId, Step, Time, UnitId, UserId,
};
use liveroom::store::audit::{Ack, Auditor};
use liveroom::store::{
    Answer, Ask, Bounds, CampaignAnswer, CampaignEvent, Cause, Credit, DrawEvent, Event, GiftEvent, Keeper,
    MemoryKeeper, Op, Partition, Recorded, RiskAsk, RiskEvent, Tables, TalkEvent, TemplateEvent,
};

use crate::server::{Batch, Server};
use crate::tally::{Tally, Trace};

type Key = (Partition, UserId, RequestId);

/// With what the record of a decision goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum With {
    Activity(ActivityId),
    Campaign(CampaignId),
    /// Time alone, or never.
    Nothing,
}

/// Who is told what, and whether it may be so.
pub(crate) struct Referee {
    /// What the events add up to, by our own count.
    pub(crate) model: Tables,
    auditor: Auditor,
    log: Vec<Recorded>,
    /// Decided answers by request and parameters.
    decided: HashMap<(Key, u64), (Answer, With)>,
    /// Requests that the log decides.
    recorded: HashMap<Key, (Fingerprint, With)>,
    /// The parameters that a request was first asked with, and requests that were asked with others, too.
    first_asked: HashMap<Key, Fingerprint>,
    reused: HashSet<Key>,
    archived: HashSet<ActivityId>,
    /// Cash that was won and is held, by our own count, fen.
    held: HashMap<UserId, i64>,
    /// Units whose cash was won: none is won twice.
    won: HashSet<UnitId>,
    /// The tables after event so-and-so, to ask what the store would say.
    shadow: Option<(u64, MemoryKeeper)>,
}

impl Referee {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            model: Tables::new(bounds),
            auditor: Auditor::new(Tables::new(bounds)),
            log: Vec::new(),
            decided: HashMap::new(),
            recorded: HashMap::new(),
            first_asked: HashMap::new(),
            reused: HashSet::new(),
            archived: HashSet::new(),
            held: HashMap::new(),
            won: HashSet::new(),
            shadow: None,
        }
    }

    /// The event of this number, if it was seen.
    pub(crate) fn event(&self, no: u64) -> Option<&Recorded> {
        self.log.get(usize::try_from(no.checked_sub(1)?).ok()?)
    }

    pub(crate) fn events(&self) -> u64 {
        self.log.len() as u64
    }

    pub(crate) fn is_archived(&self, activity: ActivityId) -> bool {
        self.archived.contains(&activity)
    }

    /// A batch was committed.
    pub(crate) fn see(&mut self, batch: &Batch, tally: &mut Tally, trace: &mut Trace) {
        assert_eq!(batch.ops.len(), batch.answers.len(), "one answer for each operation");
        trace.note("batch", batch.now.ms() as u64);
        // What timers did came first: whoever asked again in the same batch may find the activity gone.
        let timers = batch.events.iter().take_while(|recorded| is_timers(&recorded.event)).count();
        let (by_time, by_request) = batch.events.split_at(timers);
        for recorded in by_time {
            self.follow(recorded, tally, trace);
        }
        for (op, answer) in batch.ops.iter().zip(&batch.answers) {
            trace.add(format!("{answer:?}").as_bytes());
            self.judge(op, answer, tally);
        }
        for recorded in by_request {
            self.follow(recorded, tally, trace);
        }
    }

    /// The gate refused something: the store would have, in the same words.
    pub(crate) fn see_gate_refusal(&mut self, now: Time, op: &Op, code: RefusalCode, tally: &mut Tally) {
        let latest = self.model.latest_no();
        if self.shadow.as_ref().is_none_or(|(at, _)| *at != latest) {
            self.shadow = Some((latest, MemoryKeeper::over(self.model.clone())));
        }
        let (_, store) = self.shadow.as_mut().expect("made above");
        let (mut answers, mut events) = (Vec::new(), Vec::new());
        store.commit(now, std::slice::from_ref(op), &mut answers, &mut events).expect("memory never fails");
        tally.count("gate.refused");
        let answer = Answer::Refused(Refusal::plain(code));
        assert_eq!(answers[0], answer, "the gate refused what the store would not: {op:?}");
        self.judge(op, &answer, tally);
    }

    /// A client received a decided answer.
    pub(crate) fn acknowledged(&mut self, ack: Ack) {
        // What went with its activity can't be looked up any more.
        if ack.activity.is_some_and(|activity| !self.archived.contains(&activity)) {
            self.auditor.acknowledged(ack);
        }
    }

    /// The server is back. Everything that it had promised is there, and what is there is what the log says.
    pub(crate) fn see_recovery(&mut self, server: &mut Server, tally: &mut Tally, trace: &mut Trace) {
        let known = self.events();
        let recovered = server.look(Tables::latest_no);
        assert!(recovered >= known, "events {recovered}.. of {known} committed ones are gone");
        let mut kept = Vec::new();
        let first = server.log.first_seq();
        server.reader.read(first - 1, usize::MAX, &mut kept).expect("what is kept can be read");
        assert_eq!(first + kept.len() as u64 - 1, recovered, "the journal ends where the tables do");
        for recorded in &kept {
            match self.event(recorded.no) {
                Some(before) => assert_eq!(before, recorded, "an event changed over a crash"),
                // Durable, and the server fell before it could say so.
                None => {
                    tally.count("recovered.unsaid");
                    self.follow(recorded, tally, trace);
                }
            }
        }
        self.check(server);
    }

    /// Everything holds now.
    pub(crate) fn check(&self, server: &Server) {
        server.look(|tables| {
            assert!(self.model == *tables, "replaying the log does not give the live tables");
            let report = self.auditor.report(tables);
            if let Some(wrong) = report.first_failure() {
                panic!("{} does not hold: {}", wrong.name, wrong.detail);
            }
            for (user, held) in &self.held {
                let account = tables.ledger().balance(Account::Held(*user), Currency::Fen);
                assert_eq!(account, *held, "{user} has other cash to come than was won and has not come");
            }
        });
    }

    fn judge(&mut self, op: &Op, answer: &Answer, tally: &mut Tally) {
        match answer {
            Answer::Refused(refusal) => tally.count(format!("refused.{}", refusal.code.word())),
            Answer::NotDone(why) => tally.count(format!("not_done.{}", why.code.word())),
            _ => {}
        }
        let (Some(by), Some(request)) = (op.by, op.request) else { return };
        let key = (op.partition, by, request);
        let asked = op.ask.fingerprint();
        if *self.first_asked.entry(key).or_insert(asked) != asked {
            self.reused.insert(key);
        }
        if let Some((first, _)) = self.recorded.get(&key)
            && *first != asked
        {
            let conflict = matches!(answer, Answer::NotDone(why) if why.code == NotDoneCode::Conflict);
            assert!(conflict, "an id was used for two things, and the second got {answer:?}: {op:?}");
        }
        let with = self.goes_with(&op.ask, answer);
        match (self.decided.get(&(key, asked.0)), answer) {
            (Some((first, _)), Answer::NotDone(why)) => {
                // Only who reused an id may lose an answer that was never recorded.
                let lost = self.reused.contains(&key) && why.code == NotDoneCode::Conflict;
                assert!(lost, "{op:?} was told {first:?}, then {answer:?}");
            }
            (Some((first, _)), _) => {
                tally.count("repeated.same_answer");
                assert_eq!(first, answer, "the answer to {op:?} changed");
            }
            (None, Answer::NotDone(_) | Answer::Idle) => {}
            (None, _) => drop(self.decided.insert((key, asked.0), (answer.clone(), with))),
        }
    }

    fn follow(&mut self, recorded: &Recorded, tally: &mut Tally, trace: &mut Trace) {
        tally.count(format!("event.{}", name(&recorded.event)));
        trace.add(&postcard::to_stdvec(recorded).expect("events encode"));
        assert_eq!(recorded.no, self.events() + 1, "events are numbered without a gap");
        self.log.push(recorded.clone());
        self.auditor.see(recorded);
        if let Event::Forgotten { room: Some(room), .. } = recorded.event {
            self.forget(room);
        }
        self.count_cash(&recorded.event);
        let answer = self.model.evolve(recorded).expect("an event follows from those before it");
        let with = match &recorded.event {
            Event::Campaign { what, .. } => With::Campaign(what.campaign()),
            event => event.activity().map_or(With::Nothing, With::Activity),
        };
        if let Some((by, request, asked)) = request_of(&recorded.event) {
            let partition = match &recorded.event {
                Event::ToppedUp { posting, .. } => match posting.to {
                    liveroom::rules::Account::Wallet(owner) => Partition::Wallet(owner),
                    other => panic!("{other:?} was topped up"),
                },
                event => Partition::Room(*event.room().expect("all else happens in a room")),
            };
            let key = (partition, by, request);
            let before = self.recorded.insert(key, (asked, with));
            assert!(before.is_none(), "a request was decided twice: {recorded:?}");
            let (told, _) = self.decided.entry((key, asked.0)).or_insert((answer.clone(), with));
            assert_eq!(*told, answer, "the log and the answer differ");
        }
        if let Event::Archived { activity, .. } = recorded.event {
            self.archived.insert(activity);
            self.gone(With::Activity(activity));
        }
        if let Event::Campaign { what: CampaignEvent::Archived { campaign }, .. } = recorded.event {
            self.gone(With::Campaign(campaign));
        }
    }

    /// Cash is won once, and what is held of it comes or goes once.
    fn count_cash(&mut self, event: &Event) {
        event.each_credit(&mut |Credit { of, user, amount, held_until }| {
            assert!(self.won.insert(of), "unit {of:?} was won twice");
            if held_until.is_some() {
                *self.held.entry(user).or_insert(0) += amount.get();
            }
        });
        if let Event::Risk { what: RiskEvent::HoldEnded { user, amount, .. }, .. } = event {
            *self.held.entry(*user).or_insert(0) -= amount.get();
        }
    }

    fn gone(&mut self, gone: With) {
        self.decided.retain(|_, (_, with)| *with != gone);
        self.recorded.retain(|_, (_, with)| *with != gone);
    }

    /// The older generation of a room's receipts is about to go.
    fn forget(&mut self, room: RoomId) {
        let model = &self.model;
        let goes = |(partition, by, request): &Key, with: With| {
            with == With::Nothing && *partition == Partition::Room(room) && model.forgets_next(&room, *by, *request)
        };
        self.decided.retain(|(key, _), (_, with)| !goes(key, *with));
        self.recorded.retain(|key, (_, with)| !goes(key, *with));
    }

    fn goes_with(&self, ask: &Ask, answer: &Answer) -> With {
        match (ask, answer) {
            (_, Answer::Drafted(activity)) => With::Activity(*activity),
            (
                Ask::Campaign(_),
                Answer::Campaign(CampaignAnswer::Created(campaign) | CampaignAnswer::Included(campaign, _)),
            ) => With::Campaign(*campaign),
            (
                Ask::Claim { activity, .. }
                | Ask::Reserve { activity, .. }
                | Ask::Step { activity, .. }
                | Ask::Amend { activity, .. }
                | Ask::Risk(RiskAsk::EndHold { activity, .. }),
                _,
            ) => With::Activity(*activity),
            (Ask::Draw(ask), _) => With::Activity(ask.activity()),
            (Ask::Release { order } | Ask::Pay { order, .. }, _) => {
                self.model.order(*order).map_or(With::Nothing, |order| With::Activity(order.activity))
            }
            _ => With::Nothing,
        }
    }
}

fn request_of(event: &Event) -> Option<(UserId, RequestId, Fingerprint)> {
    match event {
        Event::Granted { user, request, fingerprint, .. } | Event::Reserved { user, request, fingerprint, .. } => {
            Some((*user, *request, *fingerprint))
        }
        Event::Drafted { cause, .. }
        | Event::Rejected { cause, .. }
        | Event::Stepped { cause, .. }
        | Event::Amended { cause, .. }
        | Event::Refused { cause, .. }
        | Event::Released { cause, .. }
        | Event::Paid { cause, .. }
        | Event::ToppedUp { cause, .. }
        | Event::RoomCreated { cause, .. } => {
            let (request, asked) = cause.request?;
            Some((cause.by?, request, asked))
        }
        Event::Presence { what, .. } => what.request(),
        Event::Draw { what, .. } => {
            let cause = what.cause();
            let (request, asked) = cause.request?;
            Some((cause.by?, request, asked))
        }
        Event::Coupon { what, .. } => {
            let cause = what.cause()?;
            let (request, asked) = cause.request?;
            Some((cause.by?, request, asked))
        }
        Event::Template { what, .. } => {
            let cause = what.cause()?;
            let (request, asked) = cause.request?;
            Some((cause.by?, request, asked))
        }
        Event::Experiment { what, .. } => {
            let cause = what.cause()?;
            let (request, asked) = cause.request?;
            Some((cause.by?, request, asked))
        }
        Event::Campaign { what, .. } => {
            let cause = what.cause()?;
            let (request, asked) = cause.request?;
            Some((cause.by?, request, asked))
        }
        Event::Talk { what: TalkEvent::Voted { user, request, fingerprint, .. }, .. }
        | Event::Talk { what: TalkEvent::SignedUp { user, request, fingerprint, .. }, .. } => {
            Some((*user, *request, *fingerprint))
        }
        Event::Talk { what: TalkEvent::Imposed { cause, .. } | TalkEvent::Lifted { cause, .. }, .. } => {
            let (request, asked) = cause.request?;
            Some((cause.by?, request, asked))
        }
        Event::CatalogueSet { cause, .. } => {
            let (request, asked) = cause.request?;
            Some((cause.by?, request, asked))
        }
        Event::Gift { what: GiftEvent::Sent { user, request, fingerprint, .. }, .. } => {
            Some((*user, *request, *fingerprint))
        }
        Event::Risk { what, .. } => {
            let cause = what.cause();
            let (request, asked) = cause.request?;
            Some((cause.by?, request, asked))
        }
        Event::WaveReleased { .. }
        | Event::OpenedToAll { .. }
        | Event::Archived { .. }
        | Event::Forgotten { .. }
        | Event::Gift { .. } => None,
    }
}

fn name(event: &Event) -> &'static str {
    match event {
        Event::RoomCreated { .. } => "room_created",
        Event::Drafted { .. } => "drafted",
        Event::Rejected { .. } => "rejected",
        Event::Stepped { step: Step::Reject, .. } => "stepped_reject",
        Event::Stepped { step: Step::Schedule, .. } => "stepped_schedule",
        Event::Stepped { step: Step::WarmUp, .. } => "stepped_warm_up",
        Event::Stepped { step: Step::Open, .. } => "stepped_open",
        Event::Stepped { step: Step::Close, .. } => "stepped_close",
        Event::Stepped { step: Step::Settle, .. } => "stepped_settle",
        Event::Stepped { step: Step::Cancel, .. } => "stepped_cancel",
        Event::WaveReleased { .. } => "wave_released",
        Event::OpenedToAll { .. } => "opened_to_all",
        Event::Amended { .. } => "amended",
        Event::Granted { held_until: Some(_), .. } => "granted_held",
        Event::Granted { .. } => "granted",
        Event::Refused { .. } => "refused",
        Event::Reserved { .. } => "reserved",
        Event::Released { cause, .. } if cause.by.is_some() => "released",
        Event::Released { .. } => "expired",
        Event::Paid { outcome: PaymentOutcome::Sold, .. } => "paid",
        Event::Paid { outcome: PaymentOutcome::SoldLate, .. } => "paid_late",
        Event::Paid { outcome: PaymentOutcome::RefundDue, .. } => "paid_refund_due",
        Event::ToppedUp { .. } => "topped_up",
        Event::Archived { .. } => "archived",
        Event::Presence { .. } => "presence",
        Event::Campaign { what: CampaignEvent::Created { .. }, .. } => "campaign_created",
        Event::Campaign { what: CampaignEvent::Included { .. }, .. } => "campaign_joined",
        Event::Campaign { what: CampaignEvent::PhaseBegan { .. }, .. } => "campaign_phase",
        Event::Campaign { what: CampaignEvent::Archived { .. }, .. } => "campaign_archived",
        Event::Forgotten { .. } => "forgotten",
        Event::CatalogueSet { .. } => "catalogue_set",
        Event::Gift { .. } => "gift",
        Event::Draw { what: DrawEvent::Entered { .. }, .. } => "entered",
        Event::Draw { what: DrawEvent::Drawn { winners, .. }, .. } => {
            if winners.iter().any(|winner| winner.held_until.is_some()) { "drawn_held" } else { "drawn" }
        }
        Event::Draw { .. } => "draw",
        Event::Talk { .. } => "talk",
        Event::Coupon { .. } => "coupon",
        Event::Template { what: TemplateEvent::Saved { .. }, .. } => "template_saved",
        Event::Template { what: TemplateEvent::Deleted { .. }, .. } => "template_deleted",
        Event::Template { what: TemplateEvent::Drafted { came_of: None, .. }, .. } => "drafted_like_template",
        Event::Template { what: TemplateEvent::Drafted { .. }, .. } => "occurrence_created",
        Event::Template { what: TemplateEvent::Missed { .. }, .. } => "occurrence_missed",
        Event::Template { what: TemplateEvent::Recurs { .. }, .. } => "recurs",
        Event::Template { what: TemplateEvent::Paused { .. }, .. } => "recurrence_paused",
        Event::Template { what: TemplateEvent::Resumed { .. }, .. } => "recurrence_resumed",
        Event::Template { what: TemplateEvent::Ended { .. }, .. } => "recurrence_ended",
        Event::Risk { what: RiskEvent::HoldEnded { cause, .. }, .. } if cause.by.is_some() => "hold_ended",
        Event::Risk { what: RiskEvent::HoldEnded { .. }, .. } => "hold_ran_out",
        Event::Risk { .. } => "risk",
        Event::Experiment { .. } => "experiment",
    }
}

/// Whether nobody asked for it.
fn is_timers(event: &Event) -> bool {
    let nobody = |cause: &Cause| cause.by.is_none();
    match event {
        Event::WaveReleased { .. } | Event::OpenedToAll { .. } | Event::Archived { .. } | Event::Forgotten { .. } => {
            true
        }
        Event::Stepped { cause, .. } | Event::Released { cause, .. } | Event::Rejected { cause, .. } => nobody(cause),
        Event::Template { what, .. } => what.cause().is_none_or(nobody),
        Event::Campaign { what, .. } => what.cause().is_none_or(nobody),
        Event::Draw { what, .. } => nobody(what.cause()),
        Event::Risk { what, .. } => nobody(what.cause()),
        _ => false,
    }
}
