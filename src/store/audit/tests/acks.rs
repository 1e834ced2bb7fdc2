//! What clients were told, held against the state.

use super::super::ack::AcksError;
use super::*;

#[test]
fn a_lost_or_changed_acknowledgement_is_noticed() {
    type Change = fn(&mut Vec<Ack>);
    let kept = Invariant::AcknowledgementsKept.word();
    let rows: [(&str, Change, Option<&str>); 8] = [
        ("as it was", |_| {}, None),
        ("told twice", |acks| acks.push(acks[0].clone()), None),
        (
            "a grant of another amount",
            |acks| {
                let Acked::Granted { amount_fen, .. } = &mut acks[0].answer else { panic!("a grant") };
                *amount_fen = Some(6);
            },
            Some(kept),
        ),
        ("a grant that nobody knows", |acks| acks[0].request_id = RequestId::new(999).unwrap(), Some(kept)),
        ("a grant to somebody else", |acks| acks[0].user = user("eve"), Some(kept)),
        (
            "a refusal of what was given",
            |acks| {
                acks[0].answer = Acked::Refused { code: RefusalCode::SoldOut };
            },
            Some(kept),
        ),
        (
            "a refusal that had to be recorded",
            |acks| {
                acks[2].answer = Acked::Refused { code: RefusalCode::WinCap };
            },
            Some(kept),
        ),
        (
            "two answers to one request",
            |acks| {
                let mut other = acks[2].clone();
                other.answer = Acked::Refused { code: RefusalCode::Closed };
                acks.push(other);
            },
            Some(Invariant::AnswersStable.word()),
        ),
    ];
    for (what, change, want) in rows {
        let mut story = Story::told();
        change(&mut story.acks);
        assert_eq!(story.broken().first().copied(), want, "{what}");
    }
}

#[test]
fn what_was_told_of_held_cash_is_looked_up() {
    let kept = Some(Invariant::AcknowledgementsKept.word());
    let holds: Vec<_> = Story::told().keeper.tables().holds().map(|((activity, _), _)| activity).collect();
    let [rain, _, draw] = holds[..] else { panic!("two shares and a prize: {holds:?}") };
    let (held_until, forfeited) = (NOW.after_ms(5_000), HoldState::Forfeited);
    let first = || {
        let (room, user) = (room(), user("bot"));
        Notice { room, user, activity: rain, won: Won::Slot(1), amount_fen: 5, held_until, hold: forfeited }
    };
    let second = |hold| Notice { won: Won::Slot(2), hold, ..first() };
    let drawn = |hold| Notice { activity: draw, won: Won::Rank(0), hold, ..first() };
    for (what, notice, want) in [
        ("as it was", first(), None),
        ("of the time before", Notice { hold: HoldState::Held, ..first() }, None),
        ("what is held", second(HoldState::Held), None),
        ("another end", Notice { hold: HoldState::Credited, ..first() }, kept),
        ("an end that was none", second(HoldState::Credited), kept),
        ("another amount", Notice { amount_fen: 6, ..first() }, kept),
        ("another time", Notice { held_until: NOW.after_ms(4_999), ..first() }, kept),
        ("a grant that was none", Notice { won: Won::Slot(3), ..first() }, kept),
        ("a share has no rank", Notice { won: Won::Rank(0), ..first() }, kept),
        ("a prize", drawn(HoldState::Held), None),
        ("the end of a prize that has not ended", drawn(HoldState::Credited), kept),
        ("a prize that was none", Notice { won: Won::Rank(1), ..drawn(HoldState::Held) }, kept),
        ("a prize has no slot", Notice { won: Won::Slot(1), ..drawn(HoldState::Held) }, kept),
        ("somebody else's", Notice { user: user("ann"), ..first() }, kept),
        ("elsewhere", Notice { room: RoomId::parse("other").unwrap(), ..first() }, kept),
        ("in an activity that is none", Notice { activity: ActivityId(99), ..first() }, kept),
    ] {
        let story = Story { notices: vec![notice], ..Story::told() };
        assert_eq!(story.broken().first().copied(), want, "{what}");
    }
    for (what, said, want) in [
        ("as it was", Some(Some(held_until)), None),
        ("before anything was said of it", None, None),
        ("not held", Some(None), kept),
        ("for longer", Some(Some(held_until.after_ms(1))), kept),
    ] {
        for ask in [AckedAsk::Claim, AckedAsk::Reply] {
            let mut story = Story::told();
            // Who has won cash may say so once more.
            story.ask(Partition::Room(room()), "bot", Ask::Draw(DrawAsk::Reply { activity: draw, accept: true }));
            let told = story.acks.iter_mut().find(|ack| ack.user == user("bot") && ack.ask == ask);
            let (Acked::Granted { held_until, .. } | Acked::Prize { held_until, .. }) = &mut told.unwrap().answer
            else {
                panic!("cash is won by {ask:?}")
            };
            *held_until = said;
            assert_eq!(story.broken().first().copied(), want, "{what}, by {ask:?}");
        }
    }
    for (what, hold, want) in [("by time", HoldState::Credited, None), ("not as it was", forfeited, kept)] {
        let mut story = Story { notices: vec![first(), second(hold), drawn(hold)], ..Story::told() };
        story.wait_for_archive();
        assert!(story.keeper.tables().activity(rain).is_none(), "gone");
        assert_eq!(story.broken().first().copied(), want, "{what}");
    }
}

#[test]
fn what_was_told_is_looked_up_before_its_activity_leaves() {
    let mut story = Story::told();
    let here = Partition::Room(room());
    let sale = ActivityId(2);
    // Refused because it was released already: recorded, and the client does not name the sale.
    story.ask(here, "bob", Ask::Release { order: OrderId(2) });
    let told = story.acks.last().unwrap();
    assert_eq!((told.activity, &told.answer), (None, &Acked::Refused { code: RefusalCode::OrderReleased }));
    story.ask(here, "host", Ask::Step { activity: sale, step: Step::Close });
    story.wait_for_archive();
    assert!(
        story
            .events
            .iter()
            .any(|event| event.event.activity() == Some(sale) && matches!(event.event, Event::Archived { .. }))
    );
    assert!(story.keeper.tables().order(OrderId(2)).is_none(), "gone");
    assert_eq!(story.broken(), [""; 0]);
    // What never was is still noticed.
    story.acks.last_mut().unwrap().request_id = RequestId::new(999).unwrap();
    assert_eq!(story.broken(), [Invariant::AcknowledgementsKept.word()]);
}

#[test]
fn acknowledgements_are_read_line_by_line() {
    let story = Story::told();
    let told: Vec<_> = story.acks.into_iter().map(Told::from).collect();
    let mut file = Vec::new();
    for one in &told {
        serde_json::to_writer(&mut file, one).unwrap();
        file.push(b'\n');
    }
    assert_eq!(read_acks(&file[..]).unwrap(), told);
    assert_eq!(read_acks(&file[..file.len() - 3]).unwrap(), told[..told.len() - 1], "the last was cut");
    let documented: Vec<_> = include_str!("../ack.rs").lines().filter_map(|line| line.strip_prefix("/// {")).collect();
    let documented = documented.iter().map(|line| format!("{{{line}\n")).collect::<String>();
    // As it was written before cash could be held.
    let of_old = r#"{"room":"r1","user":"ann","request_id":"3","ask":"claim","activity":1,"answer":"granted","slot":1,"amount_fen":88}"#;
    let file = format!("{documented}{of_old}\n");
    let told = read_acks(file.as_bytes()).unwrap();
    let Told::Answer(first) = &told[0] else { panic!("an answer") };
    assert_eq!(first.request_id.get(), (1 << 53) + 1);
    assert_eq!(told.iter().filter(|one| matches!(one, Told::Notice(_))).count(), 2);
    let written: String = told.iter().map(|one| serde_json::to_string(one).unwrap() + "\n").collect();
    assert_eq!(written, file);
    for (line, bad) in
        [(1, "{}\n"), (2, "\n{\"room\":\"\"}\n"), (1, "x\n"), (1, "{\"room\":\"r\",\"hold\":\"held\"}\n")]
    {
        assert!(matches!(read_acks(bad.as_bytes()), Err(AcksError::Line { line: at, .. }) if at == line), "{bad:?}");
    }
}
