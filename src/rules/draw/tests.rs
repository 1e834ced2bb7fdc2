//! Draws by the rules: what a plan may be, who wins, and what every byte of a record is worth.

use super::*;
use crate::rules::{
    Activity, ActivityId, Conditions, Fen, Kind, KindPlan, Limits, Plan, RoomId, Schedule, Seed, Time, UserId,
};

const OPENED: Time = Time::from_ms(1_692_803_500_000);

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

fn prize(title: &str, count: u32, cash: i64) -> PrizePlan {
    PrizePlan { title: title.to_owned(), count, cash_fen: Fen::new(cash).unwrap() }
}

fn bag() -> DrawPlan {
    DrawPlan {
        occasion: Occasion::LuckyBag,
        prizes: vec![prize("Tea set 茶具", 1, 0), prize("10 yuan", 2, 1_000)],
        duration_ms: 60_000,
        answer_ms: 0,
        level: DrawLevel::Sealed,
        excluded: vec![user("host")],
        receipt_key: Digest([9; 32]),
        preferred: Vec::new(),
    }
}

fn seats() -> DrawPlan {
    DrawPlan { occasion: Occasion::MicLink, prizes: vec![prize("seat", 2, 0)], answer_ms: 15_000, ..bag() }
}

/// drand's quicknet, and a round of it that was recorded.
fn beacon() -> (DrawLevel, Beacon) {
    let signature = "b75c69d0b72a5d906e854e808ba7e2accb1542ac355ae486d591aa9d43765482e26cd02df835d3546d23c4b13e0dfc92";
    let signature = HexBytes::parse(signature).unwrap();
    let level = DrawLevel::Beacon { chain: Box::new(Chain::quicknet()), round: 123 };
    (level, Beacon { round: 123, signature, previous_signature: HexBytes::default() })
}

/// A draw of users u0, u1, … that was drawn.
fn drawn(draw: DrawPlan, entries: usize, beacon: Option<Beacon>) -> Activity {
    let room = RoomId::parse("tea-house").unwrap();
    let plan = Plan {
        title: "福袋 \"Spring\"\n".to_owned(),
        sponsor: user("host"),
        schedule: Schedule::default(),
        limits: Limits::default(),
        conditions: Conditions::default(),
        decoy: None,
        kind: KindPlan::Draw(Box::new(draw.clone())),
    };
    let mut activity = Activity::draft(ActivityId(12), room, plan, Seed([7; 32]));
    let mut state = Draw::open(activity.draw_rules().unwrap().hash());
    for n in 0..entries {
        let user = user(&format!("u{n}"));
        assert_eq!(state.may_enter(&draw, &user), Ok(n as u32));
        state.enter(user);
    }
    state.freeze();
    let ranking = state.ranking(&draw, "tea-house/12", &activity.draw_seed(), beacon.as_ref());
    state.draw(&draw, OPENED, beacon, ranking);
    activity.kind = Some(Kind::Draw(Box::new(state)));
    activity
}

fn record(activity: &Activity) -> DrawRecord {
    DrawRecord::of(activity).unwrap()
}

fn state(activity: &mut Activity) -> &mut Draw {
    match &mut activity.kind {
        Some(Kind::Draw(draw)) => draw,
        other => panic!("{other:?}"),
    }
}

fn winners(record: &DrawRecord) -> Vec<String> {
    record.winners.iter().map(|winner| format!("{} {}", winner.user, winner.prize)).collect()
}

#[test]
fn what_a_plan_may_be() {
    type Change = fn(&mut DrawPlan);
    let rows: [(&str, DrawPlan, Change, Option<&str>); 20] = [
        ("a bag", bag(), |_| {}, None),
        ("seats", seats(), |_| {}, None),
        ("with a beacon", bag(), |plan| plan.level = beacon().0, None),
        ("too short", bag(), |plan| plan.duration_ms = 999, Some("duration_ms")),
        ("too long", bag(), |plan| plan.duration_ms = 7 * 86_400_000 + 1, Some("duration_ms")),
        ("nothing to win", bag(), |plan| plan.prizes.clear(), Some("prizes")),
        ("21 kinds", bag(), |plan| plan.prizes = vec![prize("x", 1, 0); 21], Some("prizes")),
        ("none of a kind", bag(), |plan| plan.prizes[0].count = 0, Some("prizes")),
        ("a prize without a name", bag(), |plan| plan.prizes[0].title.clear(), Some("prizes")),
        ("1,000 prizes", bag(), |plan| plan.prizes[0].count = 998, None),
        ("1,001 prizes", bag(), |plan| plan.prizes[0].count = 999, Some("prizes")),
        ("4,294,967,297 prizes", bag(), |plan| plan.prizes[0].count = u32::MAX, Some("prizes")),
        ("more cash than there is", bag(), |plan| plan.prizes[1].cash_fen = Fen::MAX, Some("prizes")),
        ("1,001 excluded", bag(), |plan| plan.excluded = vec![user("x"); 1_001], Some("excluded")),
        ("1,001 preferred", bag(), |plan| plan.preferred = vec![user("x"); 1_001], Some("preferred")),
        (
            "excluded and preferred",
            bag(),
            |plan| (plan.preferred, plan.excluded) = (vec![user("x")], vec![user("x")]),
            Some("preferred"),
        ),
        ("no keyword", bag(), |plan| plan.occasion = Occasion::Keyword(String::new()), Some("keyword")),
        ("a seat for a moment", seats(), |plan| plan.answer_ms = 4_999, Some("answer_ms")),
        ("a seat with cash", seats(), |plan| plan.prizes = vec![prize("seat", 1, 5)], Some("prizes")),
        (
            "a chain that is not what it says",
            bag(),
            |plan| {
                let mut chain = Chain::quicknet();
                chain.period_s = 30;
                plan.level = DrawLevel::Beacon { chain: Box::new(chain), round: 5 };
            },
            Some("chain"),
        ),
    ];
    for (what, mut plan, change, want) in rows {
        change(&mut plan);
        assert_eq!(plan.check().err().map(|error| error.field), want, "{what}");
    }
}

#[test]
fn a_round_comes_later_than_the_close() {
    let (level, _) = beacon();
    let plan = DrawPlan { level, ..bag() };
    let round_ms = Chain::quicknet().time_of(123).ms();
    for (closes_ms, ok) in [(round_ms - 5_000, true), (round_ms - 4_999, false), (round_ms + 1, false)] {
        assert_eq!(plan.may_close_at(Time::from_ms(closes_ms)).is_ok(), ok, "{closes_ms}");
    }
    assert!(bag().may_close_at(Time::MAX).is_ok(), "a sealed draw waits for nothing");
}

#[test]
fn what_was_once_drawn_is_drawn_so_for_ever() {
    let (level, value) = beacon();
    for (what, activity, want) in [
        ("sealed", drawn(bag(), 9, None), SEALED),
        ("beacon", drawn(DrawPlan { level, ..bag() }, 9, Some(value)), BEACON),
    ] {
        assert_eq!(winners(&record(&activity)), want, "{what}: changing this changes published draws");
    }
}

const SEALED: [&str; 3] = ["u4 0", "u8 1", "u6 1"];
const BEACON: [&str; 3] = ["u0 0", "u7 1", "u1 1"];

/// Listed means seen: who is preferred ranks first, and the record says so under the rules' hash.
#[test]
fn whoever_is_preferred_ranks_first() {
    let plain = record(&drawn(bag(), 9, None));
    let (last, absent) = (plain.entries[plain.winners[2].leaf as usize], user("nobody"));
    let never = *plain.entries.iter().find(|user| plain.winners.iter().all(|winner| winner.user != **user)).unwrap();
    for (preferred, first) in [(vec![last], vec![last]), (vec![absent, never], vec![never]), (vec![absent], vec![])] {
        let record = record(&drawn(DrawPlan { preferred: preferred.clone(), ..bag() }, 9, None));
        assert_eq!(record.rules.preferred, preferred);
        assert_ne!(record.rules_hash, plain.rules_hash, "part of what was published before entries opened");
        let ahead: Vec<UserId> = record.winners.iter().map(|winner| winner.user).take(first.len()).collect();
        assert_eq!(ahead, first);
        assert!(check_record(&record.to_json()).is_ok());
        let hidden = DrawRules { preferred: Vec::new(), ..record.rules.clone() };
        let hidden = DrawRecord { rules_hash: hidden.hash(), rules: hidden, ..record };
        assert!(check_record(&hidden.to_json()).is_err(), "nor can the list be hidden afterwards");
    }
    assert!(!String::from_utf8(plain.to_json()).unwrap().contains("preferred"), "nobody is: nothing is said");
}

#[test]
fn every_number_of_entries() {
    for (entries, want, returned) in [(0, 0, [1, 2]), (1, 1, [0, 2]), (2, 2, [0, 1]), (3, 3, [0, 0]), (50, 3, [0, 0])] {
        let record = record(&drawn(bag(), entries, None));
        assert_eq!((record.winners.len(), record.returned.as_slice()), (want, &returned[..]), "{entries} entries");
        assert_eq!(check_record(&record.to_json()).map(|checked| checked.passed), Ok(0), "{entries} entries");
    }
}

#[test]
fn a_prize_that_is_passed_on_goes_down_the_ranking_and_never_up() {
    let plan = DrawPlan { answer_ms: 1_000, ..bag() };
    let mut activity = drawn(plan.clone(), 5, None);
    let before = winners(&record(&activity));
    // Two of five have nothing yet: the third time nobody is left.
    for (rank, next, passed) in [(0, Some(3), 1), (3, Some(4), 2), (1, None, 3)] {
        let draw = state(&mut activity);
        let pass = draw.pass(&plan, rank).unwrap();
        assert_eq!(pass.next.as_ref().map(|next| next.rank), next, "after rank {rank}");
        draw.pass_on(&plan, &pass, OPENED);
        assert_eq!(draw.pass(&plan, rank), None, "what is passed on is gone");
        let record = record(&activity);
        assert_eq!(winners(&record)[..3], before[..], "who won before, won");
        let checked = check_record(&record.to_json());
        assert_eq!(checked.map(|checked| checked.passed), Ok(passed), "after rank {rank}");
    }
    assert_eq!(record(&activity).returned, [0, 1]);
}

#[test]
fn each_fault_is_named() {
    type Change = fn(&mut DrawRecord);
    let (level, value) = beacon();
    let sealed = record(&drawn(bag(), 5, None));
    let proved = record(&drawn(DrawPlan { level, ..bag() }, 5, Some(value)));
    let rows: [(&str, &DrawRecord, Change, &str); 20] = [
        ("as it was", &sealed, |_| {}, "holds"),
        ("as it was", &proved, |_| {}, "holds"),
        ("another format", &sealed, |r| r.format.push('x'), "the record is of format"),
        ("of another draw", &sealed, |r| r.draw.push('0'), "draw is not what the rules say"),
        ("called another level", &sealed, |r| r.level = "beacon".into(), "level is not what the rules say"),
        ("claims more", &sealed, |r| r.reach.clear(), "reach is not what the rules say"),
        ("more prizes", &sealed, |r| r.rules.prizes[0].count = 2, "the rules do not have the hash"),
        ("another seed", &sealed, |r| r.seed.0[0] ^= 1, "the seed does not have the hash"),
        ("an entry left out", &sealed, |r| r.entries.truncate(4), "the record has 4 entries, and counts 5"),
        ("an entry exchanged", &sealed, |r| r.entries[1] = user("eve"), "the entries do not have the root"),
        ("two entries exchanged", &sealed, |r| r.entries.swap(0, 1), "the entries do not have the root"),
        ("somebody twice", &sealed, |r| r.entries[1] = r.entries[0], "u0 entered more than once"),
        (
            "a beacon too many",
            &sealed,
            |r| r.beacon = Some(beacon().1),
            "the record has a beacon, the rules ask for none",
        ),
        ("no beacon", &proved, |r| r.beacon = None, "the record has no beacon, the rules ask for one"),
        (
            "another beacon",
            &proved,
            |r| r.beacon.as_mut().unwrap().signature.0[5] ^= 1,
            "beacon: the signature is not the group's",
        ),
        ("another winner", &sealed, |r| r.winners[0].user = r.winners[1].user, "the winner of rank 0"),
        ("another key", &sealed, |r| r.winners[1].key.0[0] ^= 1, "the winner of rank 1"),
        ("prizes exchanged", &sealed, |r| r.winners[0].prize = 1, "the winner of rank 0"),
        ("a winner left out", &sealed, |r| r.winners.truncate(2), "2 winners, where 3 follow"),
        ("a prize kept back", &sealed, |r| r.returned[1] = 1, "what was returned is not what nobody has"),
    ];
    for (what, record, change, want) in rows {
        let mut changed = record.clone();
        change(&mut changed);
        let got = check_record(&changed.to_json()).map_or_else(|fault| fault.to_string(), |_| "holds".to_owned());
        assert!(got.starts_with(want), "{what}: {got}");
    }
}

/// A byte that is another, is gone, or is there twice.
fn spoilt(json: &[u8], at: usize) -> impl Iterator<Item = Vec<u8>> + '_ {
    let changed = [json[at] ^ 1, json[at] ^ 0x20, b' ', b'0', b'1'].into_iter().filter(move |byte| *byte != json[at]);
    let changed = changed.map(move |byte| {
        let mut spoilt = json.to_vec();
        spoilt[at] = byte;
        spoilt
    });
    let gone = json[..at].iter().chain(&json[at + 1..]).copied().collect();
    let twice = json[..=at].iter().chain(&json[at..]).copied().collect();
    changed.chain([gone, twice])
}

#[test]
fn no_byte_of_a_small_record_can_be_changed() {
    let plan = DrawPlan { answer_ms: 1_000, ..bag() };
    let mut activity = drawn(plan.clone(), 4, None);
    let draw = state(&mut activity);
    for rank in [1, 0] {
        let pass = draw.pass(&plan, rank).unwrap();
        draw.pass_on(&plan, &pass, OPENED);
    }
    let json = record(&activity).to_json();
    assert_eq!(check_record(&json).map(|checked| checked.passed), Ok(2));
    for at in 0..json.len() {
        for spoilt in spoilt(&json, at) {
            let around = String::from_utf8_lossy(&json[at.saturating_sub(20)..(at + 20).min(json.len())]).into_owned();
            assert!(check_record(&spoilt).is_err(), "byte {at} can be changed: {around}");
        }
    }
    assert!(check_record(&[&json[..], b"\n"].concat()).is_err());
}

#[test]
fn no_byte_of_a_record_with_a_beacon_or_of_a_large_one_can_be_changed() {
    let (level, value) = beacon();
    let proved = record(&drawn(DrawPlan { level, ..bag() }, 4, Some(value))).to_json();
    let large = record(&drawn(bag(), 3_000, None)).to_json();
    for (what, json, step) in [("beacon", proved, 97), ("large", large, 997)] {
        assert!(check_record(&json).is_ok(), "{what}");
        for at in (0..json.len()).step_by(step) {
            assert!(spoilt(&json, at).all(|spoilt| check_record(&spoilt).is_err()), "{what}: byte {at} can be changed");
        }
    }
}

#[test]
fn a_proof_leads_to_the_root_of_the_record_and_to_no_other() {
    let activity = drawn(bag(), 11, None);
    let record = record(&activity);
    for (leaf, entrant) in record.entries.iter().enumerate() {
        let proof = DrawProof::of(&activity, entrant).unwrap();
        assert!(proof.holds() && proof.root == record.root && proof.leaf == leaf as u64, "{entrant}");
        let read: DrawProof = serde_json::from_slice(&serde_json::to_vec(&proof).unwrap()).unwrap();
        assert_eq!(read, proof);
        assert!(!DrawProof { ticket: user("eve"), ..proof.clone() }.holds());
        assert!(!DrawProof { root: record.seed, ..proof.clone() }.holds());
        assert!(!DrawProof { leaf: proof.leaf ^ 1, ..proof }.holds());
    }
    assert_eq!(DrawProof::of(&activity, &user("eve")), None);
}

#[test]
fn what_a_receipt_shows() {
    let activity = drawn(bag(), 5, None);
    let record = record(&activity);
    let receipt = DrawReceipt {
        draw: record.draw.clone(),
        rules_hash: record.rules_hash,
        commitment: record.commitment,
        ticket: user("u3"),
        leaf: 3,
        key: record.rules.receipt_key,
        signature: HexBytes::default(),
    };
    type Change = fn(&mut DrawReceipt);
    let rows: [(&str, Change, Result<(), ReceiptFault>); 7] = [
        ("as it was", |_| {}, Ok(())),
        ("another draw's", |r| r.draw.push('1'), Err(ReceiptFault::OtherDraw)),
        ("of somebody's own making", |r| r.key.0[0] ^= 1, Err(ReceiptFault::OtherKey)),
        ("for other rules", |r| r.rules_hash.0[0] ^= 1, Err(ReceiptFault::OtherTerms)),
        ("for another seed", |r| r.commitment.0[0] ^= 1, Err(ReceiptFault::OtherTerms)),
        ("a ticket that is not there", |r| r.ticket = user("eve"), Err(ReceiptFault::Missing)),
        ("a place that is not there", |r| r.leaf = u64::MAX, Err(ReceiptFault::Missing)),
    ];
    for (what, change, want) in rows {
        let mut receipt = receipt.clone();
        change(&mut receipt);
        assert_eq!(receipt.against(&record), want, "{what}");
        assert_eq!(want.is_err_and(ReceiptFault::is_fraud), want.is_err_and(|f| f.to_string().starts_with("FRAUD")));
    }
}

#[test]
fn a_snapshot_holds_a_draw() {
    let mut activity = drawn(bag(), 7, None);
    let bytes = postcard::to_stdvec(state(&mut activity)).unwrap();
    let read: Draw = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(&read, state(&mut activity));
    assert_eq!(read.path(3), state(&mut activity).path(3), "the tree grows anew");
}
