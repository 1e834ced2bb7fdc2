//! Gifts: paid once, counted in combos, on boards and in the fan club.

use liveroom::rules::*;
use liveroom::store::*;

use crate::stage::{Stage, Subject, request, room, user};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

fn gift(id: u32, price: i64, joins_fan_club: bool) -> Gift {
    let price = Coins::new(price).unwrap();
    Gift { id: GiftId(id), title: format!("gift {id}"), price, effect: 0, joins_fan_club }
}

/// A room where a rose (1) costs 5 coins, a rocket (2) 100, and a badge (3), which makes fans, 10. Each viewer has 1,000.
fn begin<K: Subject>(new: &dyn Fn(Bounds) -> K) -> Stage<K> {
    let mut stage = Stage::new(new(Bounds::default()));
    let gifts = [gift(1, 5, false), gift(2, 100, false), gift(3, 10, true)];
    assert_eq!(stage.set_catalogue(0, &gifts), "catalogue 1");
    for who in ["ann", "bob", "cyd"] {
        assert_eq!(stage.top_up_coins(who, 1_000), "holds 1000");
    }
    stage
}

fn board<K: Subject>(stage: &Stage<K>, span: Span, back: u32, user_name: &str) -> (String, Option<u32>) {
    let (room, at, user) = (room(), stage.now, Some(user(user_name)));
    let query = Query::Gift(GiftQuery::Board { room, span, back, at, top: 10, user });
    let Reply::Gift(GiftReply::Board(board)) = stage.keeper.ask(&query) else { panic!("no board") };
    let places: Vec<_> = board.places.iter().map(|place| format!("{} {}", place.user(), place.score())).collect();
    (places.join(", "), board.own.map(|(rank, _)| rank))
}

fn club<K: Subject>(stage: &Stage<K>, user_name: &str) -> FanClubView {
    match stage.keeper.ask(&Query::Gift(GiftQuery::FanClub { room: room(), user: Some(user(user_name)) })) {
        Reply::Gift(GiftReply::FanClub(club)) => club,
        other => panic!("{other:?}"),
    }
}

/// `points/level` of a fan.
fn fan<K: Subject>(stage: &Stage<K>, who: &str) -> String {
    club(stage, who).own.map_or("no fan".to_owned(), |fan| format!("{}/{}", fan.points, fan.level))
}

pub fn paid_from_the_wallet<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = begin(new);
    assert_eq!(stage.send("ann", 1, 52), "combo 1: 52, 740 left");
    assert_eq!(stage.send("bob", 2, 10), "combo 2: 10, 0 left");
    assert_eq!(stage.coins(Account::Earnings(room())), 1_260);
    assert_eq!(stage.coins(Account::Wallet(user("ann"))), 740);
    assert_eq!(stage.coins(Account::Outside), -3_000);
    stage.audit();
}

pub fn refused<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = begin(new);
    let max = Coins::MAX.get();
    stage.set_catalogue(1, &[gift(1, 5, false), gift(2, 100, false), gift(9, max, false)]);
    for (case, who, id, count, want) in [
        ("one coin too few", "ann", 2, 11, "not done: insufficient_funds"),
        ("nothing at all", "eve", 1, 1, "not done: insufficient_funds"),
        ("no such gift", "ann", 7, 1, "not done: unknown_gift"),
        ("one that is not sent any more", "ann", 3, 1, "not done: unknown_gift"),
        ("none", "ann", 1, 0, "not done: invalid"),
        ("too many", "ann", 1, 10_000, "not done: invalid"),
        ("more than a number holds", "ann", 1, u32::MAX, "not done: invalid"),
        ("more than money can say", "ann", 9, 9_999, "not done: invalid"),
        ("all there is", "ann", 2, 10, "combo 1: 10, 0 left"),
    ] {
        assert_eq!(stage.send(who, id, count), want, "{case}");
    }
    let other = RoomId::parse("r2").unwrap();
    let send = Ask::Gift(GiftAsk::Send { gift: GiftId(1), count: 1 });
    assert_eq!(stage.ask_in(other, "bob", 1, send), "not done: unknown_room");
    assert_eq!(stage.coins(Account::Earnings(room())), 1_000);
    stage.audit();
}

pub fn catalogues<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds::default()));
    assert_eq!(stage.set_catalogue(1, &[]), "not done: version_mismatch");
    assert_eq!(stage.set_catalogue(0, &[gift(1, 5, false), gift(1, 6, false)]), "not done: invalid");
    assert_eq!(stage.set_catalogue(0, &[gift(2, 5, false), gift(1, 6, false)]), "catalogue 1");
    assert_eq!(stage.set_catalogue(0, &[gift(1, 7, false)]), "not done: version_mismatch", "somebody was faster");
    assert_eq!(stage.set_catalogue(1, &[gift(1, 7, false)]), "catalogue 2");
    let Reply::Gift(GiftReply::Catalogue(catalogue)) = stage.keeper.ask(&Query::Gift(GiftQuery::Catalogue)) else {
        panic!("no catalogue")
    };
    assert_eq!((catalogue.version, catalogue.gifts()), (2, [gift(1, 7, false)].as_slice()));
    // Nobody does to a room what is the platform's, and the other way round.
    let set = Ask::Gift(GiftAsk::SetCatalogue { based_on: 2, gifts: Vec::new() });
    assert_eq!(stage.ask("op", set), "not done: invalid");
    let op = |ask| Op { partition: Partition::Platform, by: Some(user("op")), request: Some(request(77)), ask };
    let join = op(Ask::Gift(GiftAsk::JoinFanClub));
    assert_eq!(crate::stage::say(&stage.decide(join)), "not done: invalid");
    stage.audit();
}

pub fn combos<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = begin(new);
    assert_eq!(stage.send("ann", 1, 1), "combo 1: 1, 995 left");
    stage.wait_ms(2_999);
    assert_eq!(stage.send("ann", 1, 3), "combo 1: 4, 980 left", "within the window");
    stage.wait_ms(2_999);
    assert_eq!(stage.send("ann", 1, 1), "combo 1: 5, 975 left", "which begins anew with each");
    assert_eq!(stage.keeper.tables().combos().count(), 1);
    stage.wait_ms(3_000);
    assert_eq!(stage.keeper.tables().combos().count(), 0, "closed by the clock");
    let closed = stage.events.iter().rev().find_map(|recorded| match &recorded.event {
        Event::Gift { what: GiftEvent::ComboClosed { combo, total, coins, .. }, .. } => Some((combo.0, *total, *coins)),
        _ => None,
    });
    assert_eq!(closed, Some((1, 5, 25)));
    assert_eq!(stage.send("ann", 1, 2), "combo 2: 2, 965 left");
    // The clock is late: what comes after the window is another combo all the same.
    stage.now = stage.now.after_ms(5_000);
    assert_eq!(stage.send("ann", 1, 1), "combo 3: 1, 960 left");
    assert_eq!(stage.keeper.tables().combos().count(), 2);
    stage.wait_ms(1);
    assert_eq!(stage.keeper.tables().combos().count(), 1, "the older one has ended");
    assert_eq!(stage.send("ann", 1, 1), "combo 3: 2, 955 left", "and the younger goes on");
    stage.wait_ms(3_000);
    assert_eq!(stage.keeper.tables().combos().count(), 0);
    stage.audit();
}

pub fn combos_of_different_things<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = begin(new);
    assert_eq!(stage.send("ann", 1, 1), "combo 1: 1, 995 left");
    assert_eq!(stage.send("bob", 1, 1), "combo 2: 1, 995 left", "another sender");
    assert_eq!(stage.send("ann", 3, 1), "combo 3: 1, 985 left", "another gift");
    let other = RoomId::parse("r2").unwrap();
    let create = Ask::CreateRoom { host: user("host"), utc_offset_min: 0 };
    assert_eq!(stage.ask_in(other, "host", 1, create), "room created");
    let send = Ask::Gift(GiftAsk::Send { gift: GiftId(1), count: 1 });
    assert_eq!(stage.ask_in(other, "ann", 2, send), "combo 4: 1, 980 left", "another room");
    assert_eq!(stage.send("ann", 1, 1), "combo 1: 2, 975 left");
    assert_eq!(stage.coins(Account::Earnings(other)), 5);
    stage.wait_ms(3_000);
    stage.audit();
}

pub fn the_window_is_set<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds { combo_window_ms: 500, ..Bounds::default() }));
    stage.set_catalogue(0, &[gift(1, 5, false)]);
    stage.top_up_coins("ann", 100);
    assert_eq!(stage.send("ann", 1, 1), "combo 1: 1, 95 left");
    stage.wait_ms(500);
    assert_eq!(stage.send("ann", 1, 1), "combo 2: 1, 90 left");
    stage.audit();
}

pub fn boards<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = begin(new);
    assert_eq!(board(&stage, Span::Day, 0, "ann"), (String::new(), None));
    stage.send("ann", 1, 20);
    stage.wait_ms(10);
    stage.send("bob", 2, 1);
    assert_eq!(board(&stage, Span::Day, 0, "bob"), ("ann 100, bob 100".to_owned(), Some(2)), "ann was first");
    stage.wait_ms(10);
    stage.send("bob", 1, 1);
    stage.send("cyd", 1, 21);
    let want = ("bob 105, cyd 105, ann 100".to_owned(), Some(3));
    assert_eq!(board(&stage, Span::Day, 0, "ann"), want, "at the same moment, by name");
    assert_eq!(board(&stage, Span::Week, 0, "ann"), want);
    assert_eq!(board(&stage, Span::Broadcast, 0, "ann"), want);
    assert_eq!(board(&stage, Span::Broadcast, 0, "eve").1, None);
    stage.audit();
}

pub fn boards_of_other_days<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    // The stage begins on a Thursday, at midnight.
    let mut stage = begin(new);
    stage.ask("host", Ask::Presence(PresenceAsk::StartBroadcast));
    stage.wait_ms(DAY_MS - 1);
    stage.send("ann", 1, 1);
    stage.wait_ms(1);
    stage.send("bob", 1, 2);
    stage.ask("host", Ask::Presence(PresenceAsk::EndBroadcast { broadcast: 1 }));
    stage.ask("host", Ask::Presence(PresenceAsk::StartBroadcast));
    stage.wait_ms(3 * DAY_MS);
    stage.send("cyd", 1, 3);
    for (span, back, want) in [
        (Span::Day, 0, "cyd 15"),
        (Span::Day, 1, ""),
        (Span::Day, 3, "bob 10"),
        (Span::Day, 4, "ann 5"),
        (Span::Week, 0, "cyd 15"),
        (Span::Week, 1, "bob 10, ann 5"),
        (Span::Week, 2, ""),
        (Span::Broadcast, 0, "cyd 15"),
        (Span::Broadcast, 1, "bob 10, ann 5"),
    ] {
        assert_eq!(board(&stage, span, back, "ann").0, want, "{span:?}, {back} ago");
    }
    stage.audit();
}

pub fn fans_by_gift<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = begin(new);
    stage.send("ann", 1, 10);
    assert_eq!(fan(&stage, "ann"), "no fan", "a rose makes no fan");
    stage.send("ann", 3, 3);
    assert_eq!(fan(&stage, "ann"), "3/1", "a badge does, and counts");
    stage.send("ann", 1, 3);
    stage.send("ann", 1, 1);
    assert_eq!(fan(&stage, "ann"), "5/1", "ten coins a point, however they come");
    stage.top_up_coins("ann", 10_000);
    stage.send("ann", 2, 96);
    assert_eq!(fan(&stage, "ann"), "965/4");
    assert_eq!(stage.ask("ann", Ask::Gift(GiftAsk::JoinFanClub)), "not done: already_fan");
    assert_eq!(stage.ask("ann", Ask::Gift(GiftAsk::LeaveFanClub)), "left");
    assert_eq!(fan(&stage, "ann"), "no fan");
    stage.send("ann", 3, 1);
    assert_eq!(fan(&stage, "ann"), "1/1", "from the beginning");
    stage.audit();
}

pub fn fans_by_asking<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = begin(new);
    let (join, leave) = (Ask::Gift(GiftAsk::JoinFanClub), Ask::Gift(GiftAsk::LeaveFanClub));
    assert_eq!(stage.ask("ann", join.clone()), "not done: joined_by_gift");
    let settings = Box::new(FanClubSettings { free: true, ..FanClubSettings::default() });
    assert_eq!(stage.ask("host", Ask::Gift(GiftAsk::SetFanClub { settings })), "fan club set");
    assert_eq!(stage.ask("ann", leave.clone()), "not done: not_fan");
    assert_eq!(stage.ask("ann", join.clone()), "joined");
    assert_eq!(stage.ask("ann", join.clone()), "not done: already_fan");
    assert_eq!((fan(&stage, "ann").as_str(), club(&stage, "bob").fans), ("0/1", 1));
    assert_eq!(stage.ask("ann", leave), "left");
    assert_eq!(stage.ask("ann", join), "joined");
    stage.audit();
}

pub fn fans_by_watching<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = begin(new);
    stage.ask("host", Ask::Presence(PresenceAsk::StartBroadcast));
    stage.send("ann", 3, 1);
    let watch = |stage: &mut Stage<K>, ms| {
        let from = stage.now;
        stage.wait_ms(ms);
        let stay = |who| Stay { user: user(who), after_ms: 0, before_ms: 0 };
        let stays = [stay("ann"), stay("bob")].into_iter().collect();
        let ask = Ask::Presence(PresenceAsk::Present { broadcast: 1, from, until: stage.now, stays });
        stage.decide(Op { partition: Partition::Room(room()), by: None, request: None, ask });
        (fan(stage, "ann"), fan(stage, "bob"))
    };
    let told = |ann: &str| (ann.to_owned(), "no fan".to_owned());
    assert_eq!(watch(&mut stage, 59_500), told("1/1"));
    assert_eq!(watch(&mut stage, 500), told("2/1"), "a minute is a point, however it is reported");
    assert_eq!(watch(&mut stage, 2 * HOUR_MS), told("61/1"), "sixty of them a day");
    stage.audit();
}

pub fn how_a_club_is_run<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = begin(new);
    let set = |settings| Ask::Gift(GiftAsk::SetFanClub { settings: Box::new(settings) });
    let sunny = FanClubSettings {
        title: "小太阳".to_owned(),
        gifts: DailyCap { units_per_point: 5, points_max: 6 },
        levels: vec![5, 10],
        ..FanClubSettings::default()
    };
    assert_eq!(stage.ask("host", set(sunny.clone())), "fan club set");
    stage.send("ann", 3, 1);
    assert_eq!(fan(&stage, "ann"), "2/1");
    stage.send("ann", 1, 50);
    assert_eq!(fan(&stage, "ann"), "6/2", "so much a day");
    stage.wait_ms(DAY_MS);
    stage.send("ann", 1, 50);
    assert_eq!(fan(&stage, "ann"), "12/3", "and so much on the next");
    let harder = FanClubSettings { levels: vec![5, 100], ..sunny.clone() };
    assert_eq!(stage.ask("host", set(harder)), "fan club set");
    assert_eq!(fan(&stage, "ann"), "12/2", "levels follow the thresholds");
    let wrong = FanClubSettings { levels: vec![5, 5], ..sunny };
    assert_eq!(stage.ask("host", set(wrong)), "not done: invalid");
    let Reply::Trail(trail) = stage.keeper.ask(&Query::Trail { room: room() }) else { panic!("no trail") };
    assert_eq!(trail.iter().filter(|one| one.action == Action::SetFanClub && one.by == user("host")).count(), 2);
    stage.audit();
}

pub fn asked_again<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = begin(new);
    let send = |gift, count| Ask::Gift(GiftAsk::Send { gift: GiftId(gift), count });
    assert_eq!(stage.ask_as("ann", 1, send(1, 2)), "combo 1: 2, 990 left");
    assert_eq!(stage.send("ann", 1, 1), "combo 1: 3, 985 left");
    let events = stage.events.len();
    assert_eq!(stage.ask_as("ann", 1, send(1, 2)), "combo 1: 2, 990 left", "word for word");
    assert_eq!(stage.events.len(), events, "and paid once");
    for other in [send(1, 3), send(2, 2), Ask::Gift(GiftAsk::JoinFanClub), Ask::Release { order: OrderId(1) }] {
        assert_eq!(stage.ask_as("ann", 1, other.clone()), "not done: conflict", "{other:?}");
    }
    assert_eq!(stage.ask_as("ann", 2, send(2, 10)), "not done: insufficient_funds");
    stage.top_up_coins("ann", 15);
    assert_eq!(stage.ask_as("ann", 2, send(2, 10)), "combo 2: 10, 0 left", "what was not done may be asked again");
    stage.ask_as("ann", 3, send(3, 1));
    stage.wait_ms(10_000);
    assert_eq!(stage.ask_as("ann", 2, send(2, 10)), "combo 2: 10, 0 left", "after the combo has ended");
    // Twice in one batch.
    let ask = send(1, 1);
    let op = Op { partition: Partition::Room(room()), by: Some(user("bob")), request: Some(request(9)), ask };
    let answers: Vec<_> = stage.decide_all(&[op.clone(), op]).iter().map(crate::stage::say).collect();
    assert_eq!(answers, ["combo 3: 1, 995 left", "combo 3: 1, 995 left"]);
    stage.audit();
}

pub fn what_is_long_ago_is_forgotten<K: Subject>(new: &dyn Fn(Bounds) -> K) {
    let mut stage = Stage::new(new(Bounds { retention_ms: DAY_MS, ..Bounds::default() }));
    stage.set_catalogue(0, &[gift(1, 5, false)]);
    stage.top_up_coins("ann", 1_000);
    let send = || Ask::Gift(GiftAsk::Send { gift: GiftId(1), count: 1 });
    assert_eq!(stage.ask_as("ann", 1, send()), "combo 1: 1, 995 left");
    stage.wait_ms(DAY_MS - HOUR_MS);
    assert_eq!(stage.ask_as("ann", 2, send()), "combo 2: 1, 990 left");
    stage.wait_ms(DAY_MS);
    assert_eq!(stage.ask_as("ann", 1, send()), "combo 1: 1, 995 left", "for a day at least, for two at most");
    assert_eq!(stage.ask_as("ann", 2, send()), "combo 2: 1, 990 left");
    stage.wait_ms(DAY_MS);
    assert_eq!(stage.ask_as("ann", 1, send()), "combo 3: 1, 985 left", "the id is as good as new");
    assert_eq!(stage.keeper.tables().room(&room()).unwrap().boards().iter().count(), 3, "boards of long ago are gone");
    stage.wait_ms(3 * DAY_MS);
    assert_eq!(stage.keeper.tables().room(&room()).unwrap().boards().iter().count(), 0);
    assert_eq!(stage.keeper.next_due(), None, "nothing is left to forget");
    assert_eq!(stage.coins(Account::Earnings(room())), 15);
    stage.audit();
}
