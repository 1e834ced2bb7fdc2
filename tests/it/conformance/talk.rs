//! Polls, enrolments, sanctions, and copy that does not pass.

use liveroom::rules::*;
use liveroom::store::{Ask, Bounds, KindView, Query, Reply, TalkAsk};

use crate::stage::{START, Stage, Subject, plan, rain, room, user};

/// A poll of three options that lasts ten seconds.
pub fn poll(votes_per_user: u32, changeable: bool) -> PollPlan {
    let options = ["red", "green", "blue"].map(str::to_owned).into();
    PollPlan { options, votes_per_user, changeable, duration_ms: 10_000 }
}

pub fn enrolment(places: u32) -> EnrolmentPlan {
    EnrolmentPlan { places, duration_ms: 10_000 }
}

fn ballot<K: Subject>(stage: &Stage<K>, activity: ActivityId, options: &[u32]) -> Ask {
    Ask::Talk(TalkAsk::Vote { activity, token: stage.token(activity), options: options.to_vec() })
}

fn vote<K: Subject>(stage: &mut Stage<K>, who: &str, activity: ActivityId, options: &[u32]) -> String {
    let ask = ballot(stage, activity, options);
    stage.ask(who, ask)
}

fn sign_up<K: Subject>(stage: &mut Stage<K>, who: &str, activity: ActivityId) -> String {
    let ask = TalkAsk::SignUp { activity, token: stage.token(activity) };
    stage.ask(who, Ask::Talk(ask))
}

/// Votes for each option, and how many have voted.
fn tally<K: Subject>(stage: &Stage<K>, activity: ActivityId) -> (Vec<u32>, u32) {
    match stage.view(activity).kind {
        Some(KindView::Poll { tally, voters }) => (tally, voters),
        other => panic!("{other:?}"),
    }
}

pub fn ballots<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let fixed = stage.open(plan(poll(2, false)));
    for (who, options, want) in [
        ("ann", &[1][..], "voted"),
        ("ann", &[2], "limit_reached 1/1"),
        ("bob", &[3, 1], "voted"),
        ("cyd", &[], "not done: invalid"),
        ("cyd", &[1, 2, 3], "not done: invalid"),
        ("cyd", &[0], "not done: invalid"),
        ("cyd", &[4], "not done: invalid"),
        ("cyd", &[2, 2], "not done: invalid"),
        ("cyd", &[2], "voted"),
    ] {
        assert_eq!(vote(&mut stage, who, fixed, options), want, "{who}: {options:?}");
    }
    assert_eq!(tally(&stage, fixed), (vec![2, 1, 1], 3));
    let other = stage.open(plan(rain(1, 5)));
    assert_eq!(vote(&mut stage, "ann", other, &[1]), "not done: wrong_kind");
    let unknown = TalkAsk::Vote { activity: ActivityId(99), token: 1, options: vec![1] };
    assert_eq!(stage.ask("ann", Ask::Talk(unknown)), "not done: unknown_activity");
    stage.wait_ms(10_000);
    assert_eq!(stage.phase(fixed), "settled");
    assert_eq!(vote(&mut stage, "dan", fixed, &[1]), "closed");
    assert_eq!(vote(&mut stage, "ann", fixed, &[1]), "limit_reached 1/1", "as before the close");
    assert_eq!(tally(&stage, fixed), (vec![2, 1, 1], 3), "the result stays");
    stage.audit();
}

pub fn ballots_that_change<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let changeable = stage.open(plan(poll(1, true)));
    let first = ballot(&stage, changeable, &[1]);
    assert_eq!(stage.ask_as("ann", 7, first.clone()), "voted");
    for n in 2..=PollPlan::BALLOTS_MAX {
        assert_eq!(vote(&mut stage, "ann", changeable, &[n % 3 + 1]), "voted");
    }
    assert_eq!(tally(&stage, changeable), (vec![0, 0, 1], 1));
    assert_eq!(stage.ask_as("ann", 7, first), "voted", "the first ballot again: the same answer, and no vote");
    assert_eq!(tally(&stage, changeable), (vec![0, 0, 1], 1));
    assert_eq!(vote(&mut stage, "ann", changeable, &[1]), "limit_reached 20/20");
    let other = ballot(&stage, changeable, &[2]);
    assert_eq!(stage.ask_as("ann", 7, other), "not done: conflict");
    stage.audit();
}

pub fn nobody_votes_early<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let (poll, places) = (stage.draft(plan(poll(1, false))), stage.draft(plan(enrolment(1))));
    for activity in [poll, places] {
        stage.step(activity, Step::Schedule);
    }
    let early = TalkAsk::Vote { activity: poll, token: 1, options: vec![1] };
    assert_eq!(stage.ask_as("ann", 7, Ask::Talk(early.clone())), "not_open");
    let sign_up = TalkAsk::SignUp { activity: places, token: 1 };
    assert_eq!(stage.ask("ann", Ask::Talk(sign_up)), "not_open");
    stage.step(poll, Step::Open);
    assert_eq!(stage.ask_as("ann", 7, Ask::Talk(early)), "not_open");
    stage.audit();
}

pub fn places<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let activity = stage.open(plan(enrolment(2)));
    for (who, want) in
        [("ann", "signed up 1"), ("bob", "signed up 2"), ("ann", "limit_reached 1/1"), ("cyd", "signed up 3")]
    {
        assert_eq!(sign_up(&mut stage, who, activity), want, "{who}");
    }
    let admitted = |stage: &Stage<K>| match stage.view(activity).kind {
        Some(KindView::Enrolment { signed_up, admitted }) => (signed_up, admitted),
        other => panic!("{other:?}"),
    };
    assert_eq!(admitted(&stage), (3, None));
    stage.wait_ms(10_000);
    assert_eq!(admitted(&stage), (3, Some(vec![user("ann"), user("bob")])));
    assert_eq!(sign_up(&mut stage, "dan", activity), "closed");
    let poll = stage.open(plan(poll(1, false)));
    assert_eq!(sign_up(&mut stage, "dan", poll), "not done: wrong_kind");
    stage.audit();
}

pub fn only_whom_the_conditions_let<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let conditions = Conditions { tier: Some(Tier::Core), ..Conditions::default() };
    let activity = stage.open(Plan { conditions: conditions.clone(), ..plan(poll(1, false)) });
    assert_eq!(vote(&mut stage, "ann", activity, &[1]), "tier_too_low 0/2");
    let activity = stage.open(Plan { conditions, ..plan(enrolment(1)) });
    assert_eq!(sign_up(&mut stage, "ann", activity), "tier_too_low 0/2");
    stage.audit();
}

fn sanctions<K: Subject>(stage: &Stage<K>) -> Vec<String> {
    match stage.keeper.ask(&Query::Sanctions { room: room() }) {
        Reply::Sanctions(all) => all.iter().map(|(user, what, _)| format!("{user} {}", what.word())).collect(),
        other => panic!("{other:?}"),
    }
}

/// An end as it is counted from where everything begins.
fn relative(answer: &str) -> String {
    match answer.strip_prefix("until ").and_then(|until| until.parse::<i64>().ok()) {
        Some(until) => format!("until +{}", until - START.ms()),
        None => answer.to_owned(),
    }
}

pub fn mute_and_ban<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let impose = |who: &str, sanction, for_ms| Ask::Talk(TalkAsk::Impose { user: user(who), sanction, for_ms });
    let lift = |who: &str, sanction| Ask::Talk(TalkAsk::Lift { user: user(who), sanction });
    for (ask, want) in [
        (impose("ann", Sanction::Mute, 60_000), "until +60000"),
        (impose("ann", Sanction::Ban, 1_000), "until +1000"),
        (impose("bob", Sanction::Mute, 60_000), "until +60000"),
        (impose("bob", Sanction::Mute, 999), "not done: invalid"),
        (impose("bob", Sanction::Mute, u64::MAX), "not done: invalid"),
        (impose("host", Sanction::Ban, 60_000), "not done: forbidden"),
        (lift("bob", Sanction::Ban), "not done: wrong_phase"),
        (lift("bob", Sanction::Mute), "lifted"),
        (lift("bob", Sanction::Mute), "not done: wrong_phase"),
    ] {
        assert_eq!(relative(&stage.ask("host", ask.clone())), want, "{ask:?}");
    }
    assert_eq!(sanctions(&stage), ["ann mute", "ann ban"]);
    stage.wait_ms(1_000);
    stage.top_up("host", 1);
    assert_eq!(sanctions(&stage), ["ann mute"]);
    assert_eq!(relative(&stage.ask_as("host", 7, impose("cyd", Sanction::Ban, 5_000))), "until +6000");
    stage.wait_ms(1_000);
    assert_eq!(relative(&stage.ask_as("host", 7, impose("cyd", Sanction::Ban, 5_000))), "until +6000", "the same end");
    stage.audit();
}

pub fn copy_that_does_not_pass<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    let activity = stage.draft(plan(poll(1, false)));
    let reject = |findings: &[&str]| {
        Ask::Talk(TalkAsk::Reject { activity, findings: findings.iter().map(|one| (*one).to_owned()).collect() })
    };
    let long = "x".repeat(201);
    assert_eq!(stage.ask("host", reject(&[])), "not done: invalid");
    assert_eq!(stage.ask("host", reject(&[&long])), "not done: invalid");
    assert_eq!(stage.ask("host", reject(&["one"; 51])), "not done: invalid");
    assert_eq!(stage.ask_as("host", 7, reject(&["\"最\" in \"最好\" (advertising)"])), "review");
    assert_eq!(stage.view(activity).reasons, ["\"最\" in \"最好\" (advertising)"]);
    // Asked again after the lexicon has changed: the first answer, not a conflict.
    assert_eq!(stage.ask_as("host", 7, Ask::Step { activity, step: Step::Schedule }), "review");
    assert_eq!(stage.step(activity, Step::Schedule), "scheduled");
    assert_eq!(stage.ask("host", reject(&["one"])), "not done: wrong_phase");
    stage.audit();
}
