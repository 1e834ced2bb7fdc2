//! Minutes of a client's life, with a clock that jumps to the next deadline.

use super::*;
use crate::frame::FrameReader;
use crate::wire::{
    Answer, Claim, Done, GoodbyeCode, NotDone, NotDoneCode, Pending, RefusalCode, Refused, Snapshot, answer,
};

/// A core and the time it lives in.
struct Life {
    core: Core,
    now: Instant,
    settled: Vec<(u64, Result<Outcome, RequestError>)>,
    events: Vec<Event>,
    connects: u32,
    /// Where it connects to.
    target: usize,
    hangups: u32,
}

impl Life {
    fn new() -> Self {
        Self::with(RetryPolicy::default(), None)
    }

    fn with(retry: RetryPolicy, heartbeat: Option<(Duration, Duration)>) -> Self {
        Self::among(1, 7, retry, heartbeat)
    }

    /// With so many servers to go to.
    fn among(targets: usize, seed: u64, retry: RetryPolicy, heartbeat: Option<(Duration, Duration)>) -> Self {
        let now = Instant::now();
        let settings = Settings { room: "r".into(), agent: "test".into(), targets, retry, heartbeat };
        let core = Core::new(settings, now, seed);
        Self { core, now, settled: vec![], events: vec![], connects: 0, target: 0, hangups: 0 }
    }

    fn live() -> Self {
        let mut life = Self::new();
        life.connect();
        life.welcome(8, false);
        life
    }

    fn poll(&mut self) {
        while let Some(output) = self.core.poll() {
            match output {
                Output::Connect(target) => {
                    self.connects += 1;
                    self.target = target;
                }
                Output::HangUp => self.hangups += 1,
                Output::Event(event) => self.events.push(event),
                Output::Settled { request_id, outcome } => self.settled.push((request_id, outcome)),
            }
        }
    }

    /// Jumps to the next deadline.
    fn jump(&mut self) -> Duration {
        let before = self.now;
        self.now = self.now.max(self.core.deadline().expect("something is due"));
        self.core.handle_deadline(self.now);
        self.poll();
        self.now - before
    }

    /// Waits for the next attempt and lets it succeed; the hello it sends.
    fn connect(&mut self) -> Hello {
        let connects = self.connects;
        while self.connects == connects {
            self.jump();
        }
        self.core.handle_connected(self.now, "token".into());
        match &self.sent()[..] {
            [ClientFrame { request_id: 0, body: Some(client_frame::Body::Hello(hello)) }] => hello.clone(),
            other => panic!("a hello and nothing else, not {other:?}"),
        }
    }

    fn welcome(&mut self, in_flight_max: u32, recovered: bool) {
        let welcome = Welcome { epoch: 1, offset: 10, in_flight_max, recovered, ..Default::default() };
        self.frame(server_frame::Body::Welcome(welcome));
    }

    fn frame(&mut self, body: server_frame::Body) {
        self.core.handle_frame(self.now, ServerFrame { body: Some(body) });
        self.poll();
    }

    fn answer(&mut self, request_id: u64, outcome: answer::Outcome) {
        self.frame(server_frame::Body::Answer(Answer { request_id, outcome: Some(outcome) }));
    }

    fn not_done(&mut self, request_id: u64, code: NotDoneCode, retry_after_ms: u32) {
        let not_done = NotDone { code: code.into(), detail: String::new(), retry_after_ms };
        self.answer(request_id, answer::Outcome::NotDone(not_done));
    }

    fn goodbye(&mut self, code: GoodbyeCode, retry_after_ms: u32) {
        self.frame(server_frame::Body::Goodbye(Goodbye { code: code.into(), retry_after_ms, ..Default::default() }));
        self.lose();
    }

    fn tick(&mut self, epoch: u64, offset: u64) {
        self.frame(server_frame::Body::Tick(Tick { epoch, offset, ..Default::default() }));
    }

    fn lose(&mut self) {
        self.core.handle_disconnected(self.now, Disconnect::Lost("cut".into()));
        self.poll();
    }

    fn claim(&mut self, request_id: u64) {
        let claim = Claim { activity: 5, token: 6, opening: 1 };
        self.core.submit(self.now, request_id, client_frame::Body::Claim(claim));
        self.poll();
    }

    fn sent(&mut self) -> Vec<ClientFrame> {
        let bytes = self.core.outgoing().split();
        let (mut reader, mut input) = (FrameReader::new(65_536), &bytes[..]);
        std::iter::from_fn(|| reader.next(&mut input).unwrap()).collect()
    }

    fn sent_ids(&mut self) -> Vec<u64> {
        self.sent().iter().map(|frame| frame.request_id).collect()
    }
}

fn done() -> answer::Outcome {
    answer::Outcome::Done(Done {})
}

#[test]
fn nothing_is_asked_before_the_welcome_and_no_more_at_once_than_it_allows() {
    let mut life = Life::new();
    life.claim(1);
    life.claim(2);
    life.claim(3);
    life.connect();
    life.welcome(2, false);
    assert_eq!(life.sent_ids(), [1, 2]);
    life.answer(2, done());
    assert_eq!(life.settled, [(2, Ok(Outcome::Done))]);
    assert_eq!(life.sent_ids(), [3]);
}

#[test]
fn what_had_no_answer_is_asked_again_as_it_was() {
    let mut life = Life::live();
    life.claim(1);
    life.claim(2);
    let first = life.sent();
    life.answer(2, done());
    life.lose();
    assert!(matches!(&life.events[..], [Event::Welcome(_), Event::Disconnected { reconnect_in: Some(_), .. }]));
    life.connect();
    assert_eq!(life.sent_ids(), [], "not before the welcome");
    life.welcome(8, true);
    assert_eq!(life.sent(), first[..1]);
    // The first answer, late, or the second: it is one answer.
    life.answer(1, done());
    life.answer(1, done());
    assert_eq!(life.settled.len(), 2);
}

#[test]
fn a_resume_starts_from_what_was_heard() {
    let mut life = Life::new();
    assert_eq!(life.connect().resume, None);
    life.welcome(8, false);
    life.lose();
    assert_eq!(life.connect().resume, None, "a welcome alone is nothing to resume from");
    life.welcome(8, false);
    life.frame(server_frame::Body::Snapshot(Snapshot { epoch: 1, offset: 10, ..Default::default() }));
    life.tick(1, 12);
    life.tick(1, 11); // a repeat
    life.lose();
    assert_eq!(life.connect().resume, Some(Position { epoch: 1, offset: 12 }));
    life.welcome(8, true);
    life.tick(1, 13);
    life.lose();
    assert_eq!(life.connect().resume, Some(Position { epoch: 1, offset: 13 }));
    life.welcome(8, false);
    assert_eq!(life.core.position(), None, "not recovered: the snapshot says where the room is");
    let ticks = life.events.iter().filter(|event| matches!(event, Event::Tick(_))).count();
    assert_eq!(ticks, 2);
}

#[test]
fn pending_is_asked_until_it_is_known() {
    let mut life = Life::live();
    life.claim(1);
    for _ in 0..3 {
        assert_eq!(life.sent_ids(), [1]);
        life.answer(1, answer::Outcome::Pending(Pending {}));
        assert_eq!(life.sent_ids(), []);
        assert!(life.jump() >= Duration::from_millis(25));
    }
    let refused = Refused { code: RefusalCode::SoldOut.into(), detail: String::new() };
    life.answer(1, answer::Outcome::Refused(refused));
    assert_eq!(life.settled, [(1, Ok(Outcome::Refused { code: RefusalCode::SoldOut, detail: String::new() }))]);
}

#[test]
fn what_may_pass_is_asked_again_when_the_server_says_and_what_will_not_is_the_outcome() {
    let mut life = Life::live();
    life.claim(1);
    life.claim(2);
    life.sent();
    life.not_done(1, NotDoneCode::Overloaded, 700);
    life.not_done(2, NotDoneCode::UnknownActivity, 0);
    assert!(matches!(life.settled[..], [(2, Ok(Outcome::NotDone { code: NotDoneCode::UnknownActivity, .. }))]));
    assert!(life.jump() >= Duration::from_millis(700));
    assert_eq!(life.sent_ids(), [1]);
}

#[test]
fn not_done_is_the_outcome_only_where_no_earlier_sending_may_have_been_decided() {
    let policy = RetryPolicy { repeat_not_done: false, ..Default::default() };
    let mut life = Life::with(policy, None);
    life.connect();
    life.welcome(8, false);
    life.claim(1);
    life.not_done(1, NotDoneCode::Overloaded, 0);
    assert!(matches!(life.settled[..], [(1, Ok(Outcome::NotDone { code: NotDoneCode::Overloaded, .. }))]));

    life.claim(2);
    life.lose();
    life.connect();
    life.welcome(8, true);
    life.not_done(2, NotDoneCode::Overloaded, 0);
    assert_eq!(life.settled.len(), 1, "the first sending of 2 may have been decided");
    while life.settled.len() == 1 {
        life.jump();
        life.not_done(2, NotDoneCode::Overloaded, 0);
    }
    assert_eq!(life.settled[1], (2, Err(RequestError::Unresolved { request_id: 2 })));
}

#[test]
fn a_request_ends_at_its_deadline_and_says_what_is_known() {
    let mut life = Life::live();
    life.claim(1);
    life.claim(2);
    life.sent();
    life.not_done(2, NotDoneCode::RateLimited, 60_000);
    let start = life.now;
    while life.settled.len() < 2 {
        life.jump();
    }
    assert_eq!(life.now - start, Duration::from_secs(30));
    assert_eq!(life.settled[0], (1, Err(RequestError::Unresolved { request_id: 1 })));
    assert!(matches!(life.settled[1], (2, Ok(Outcome::NotDone { code: NotDoneCode::RateLimited, .. }))));
    assert!(life.core.deadline().is_none(), "an idle client without a heartbeat waits for nothing");
}

#[test]
fn pauses_double_up_to_a_bound_and_begin_anew_after_a_good_connection() {
    let mut life = Life::new();
    let mut pauses = vec![];
    for _ in 0..12 {
        life.connect();
        life.lose();
        pauses.push(life.core.deadline().unwrap() - life.now);
    }
    assert!(pauses[0] <= Duration::from_millis(50), "{pauses:?}");
    assert!(pauses[11] >= Duration::from_secs(5) && pauses[11] <= Duration::from_secs(10), "{pauses:?}");
    life.connect();
    life.welcome(8, false);
    life.now += GOOD_AFTER;
    life.lose();
    assert!(life.core.deadline().unwrap() - life.now <= Duration::from_millis(50));
}

#[test]
fn a_goodbye_says_whether_and_when_to_come_back() {
    for (code, back) in [
        (GoodbyeCode::Draining, true),
        (GoodbyeCode::TooSlow, true),
        (GoodbyeCode::TooManyConnections, true),
        (GoodbyeCode::ProtocolError, false),
        (GoodbyeCode::Version, false),
        (GoodbyeCode::UnknownRoom, false),
    ] {
        let mut life = Life::live();
        life.claim(1);
        life.goodbye(code, 3_000);
        assert_eq!(!life.core.is_ended(), back, "{code:?}");
        if back {
            let pause = life.core.deadline().unwrap() - life.now;
            assert!(pause >= Duration::from_secs(3) && pause < Duration::from_secs(5), "{code:?} {pause:?}");
        } else {
            assert_eq!(life.settled, [(1, Err(RequestError::Ended))]);
        }
    }
}

#[test]
fn a_refused_token_is_replaced_once() {
    let mut life = Life::new();
    life.connect();
    life.goodbye(GoodbyeCode::Unauthorized, 0);
    assert!(!life.core.is_ended());
    life.connect();
    life.goodbye(GoodbyeCode::Unauthorized, 0);
    assert!(life.core.is_ended());
}

#[test]
fn after_a_goodbye_answers_still_count_and_nothing_new_is_asked() {
    let mut life = Life::live();
    life.claim(1);
    life.sent();
    let goodbye = Goodbye { code: GoodbyeCode::Draining.into(), ..Default::default() };
    life.frame(server_frame::Body::Goodbye(goodbye));
    life.claim(2);
    assert_eq!(life.sent_ids(), []);
    life.answer(1, done());
    assert_eq!(life.settled, [(1, Ok(Outcome::Done))]);
    // The server does not close: the client does.
    assert_eq!(life.jump(), PARTING);
    assert_eq!(life.hangups, 1);
    life.connect();
    life.welcome(8, true);
    assert_eq!(life.sent_ids(), [2]);
}

#[test]
fn a_heartbeat_pings_and_notices_silence() {
    let mut life = Life::with(RetryPolicy::default(), Some((Duration::from_secs(10), Duration::from_secs(30))));
    life.connect();
    life.welcome(8, false);
    life.jump();
    assert!(matches!(life.sent()[..], [ClientFrame { body: Some(client_frame::Body::Ping(_)), .. }]));
    while life.hangups == 0 {
        life.jump();
    }
    assert!(matches!(life.events.last(), Some(Event::Disconnected { cause: Disconnect::Silent, .. })));
}

#[test]
fn a_hello_without_an_answer_is_given_up() {
    let mut life = Life::new();
    life.connect();
    assert_eq!(life.jump(), Duration::from_secs(10));
    assert_eq!(life.hangups, 1);
}

#[test]
fn ids_are_refused_that_could_not_be_told_apart() {
    let mut life = Life::live();
    life.claim(0);
    life.claim(4);
    life.claim(4);
    assert_eq!(
        life.settled,
        [(0, Err(RequestError::IdUnusable { request_id: 0 })), (4, Err(RequestError::IdUnusable { request_id: 4 })),]
    );
}

#[test]
fn a_client_goes_where_it_is_served() {
    type Row<'a> = (&'a str, fn(&mut Life), bool);
    let rows: [Row<'_>; 6] = [
        ("nobody there", |life| life.core.handle_disconnected(life.now, refused_to_connect()), true),
        ("thrown out at once", |life| welcomed_for(life, 0).lose(), true),
        ("a good connection that broke", |life| welcomed_for(life, 6).lose(), false),
        ("sent away", |life| welcomed_for(life, 6).goodbye(GoodbyeCode::Draining, 60_000), true),
        (
            "sent away, which only the close tells",
            |life| {
                let told = Disconnect::closed(Some(GoodbyeCode::Draining), String::new());
                let life = welcomed_for(life, 6);
                life.core.handle_disconnected(life.now, told);
            },
            true,
        ),
        ("full", |life| greeted(life).goodbye(GoodbyeCode::TooManyConnections, 60_000), true),
    ];
    for (case, happens, moves) in rows {
        let mut life = Life::among(3, 7, RetryPolicy::default(), None);
        life.jump();
        let (first, then) = (life.target, life.now);
        happens(&mut life);
        life.poll();
        let connects = life.connects;
        while life.connects == connects {
            life.jump();
        }
        assert_eq!(life.target, if moves { (first + 1) % 3 } else { first }, "{case}");
        assert!(life.now - then < Duration::from_secs(8), "{case}: what one server asks for does not concern another");
    }
}

#[test]
fn a_server_that_owes_an_answer_and_says_nothing_is_left_for_another() {
    for (targets, left) in [(1, false), (2, true)] {
        let mut life = Life::among(targets, 7, RetryPolicy::default(), None);
        life.jump();
        let first = life.target;
        welcomed_for(&mut life, 10).claim(1);
        let asked = life.now;
        life.now += Duration::from_secs(2);
        life.tick(1, 11);
        assert_eq!(life.hangups, 0);
        if !left {
            assert_eq!(life.jump(), Duration::from_secs(28), "one server gets all the time that the request has");
            continue;
        }
        assert_eq!(life.jump(), Duration::from_secs(3), "since it was heard last");
        assert_eq!(life.hangups, 1);
        let hello = life.connect();
        assert_ne!(life.target, first);
        assert_eq!(hello.resume, Some(Position { epoch: 1, offset: 11 }), "it says what it can do with that");
        life.welcome(8, false);
        assert_eq!(life.sent_ids(), [1]);
        life.answer(1, done());
        assert!(life.now - asked < Duration::from_secs(6));
        assert_eq!(life.core.deadline(), None, "nothing is owed any more");
    }
}

#[test]
fn a_client_ends_when_no_server_will_have_it() {
    let banned = |life: &mut Life| greeted(life).goodbye(GoodbyeCode::Banned, 0);
    let unauthorized = |life: &mut Life| greeted(life).goodbye(GoodbyeCode::Unauthorized, 0);
    let not_verified = |life: &mut Life| {
        let cause = Disconnect::ConnectFailed { detail: "certificate".into(), permanent: true };
        life.core.handle_disconnected(life.now, cause);
    };
    let away = |life: &mut Life| life.core.handle_disconnected(life.now, refused_to_connect());
    type Server = fn(&mut Life);
    // What the first and the second server do, and how often each is gone to before the client ends.
    let rows: [(&str, [Server; 2], [u32; 2]); 4] = [
        ("both say never", [banned, not_verified], [1, 1]),
        ("a token is tried twice at each", [unauthorized, unauthorized], [2, 2]),
        ("one says never, the other takes no token", [not_verified, unauthorized], [1, 2]),
        ("one says never, the other is only away", [banned, away], [1, 40]),
    ];
    for (case, servers, want) in rows {
        let mut life = Life::among(2, 7, RetryPolicy::default(), None);
        life.claim(1);
        let (mut first, mut visits) = (None, [0, 0]);
        while !life.core.is_ended() && visits[1] < 40 {
            let connects = life.connects;
            while life.connects == connects {
                life.jump();
            }
            let place = usize::from(life.target != *first.get_or_insert(life.target));
            visits[place] += 1;
            servers[place](&mut life);
            life.poll();
        }
        assert_eq!(visits, want, "{case}");
        let ends = want[1] < 40;
        assert_eq!(life.core.is_ended(), ends, "{case}");
        let causes = life.events.iter().filter(|event| matches!(event, Event::Disconnected { reconnect_in: None, .. }));
        assert_eq!(causes.count(), usize::from(ends), "{case}: the end is told once");
    }
}

#[test]
fn a_server_that_would_not_have_the_client_is_asked_again_after_another_has_let_it_in() {
    let mut life = Life::among(2, 7, RetryPolicy::default(), None);
    life.connect();
    let first = life.target;
    life.goodbye(GoodbyeCode::Banned, 0);
    life.connect();
    assert_ne!(life.target, first);
    welcomed(&mut life).goodbye(GoodbyeCode::Draining, 0);
    life.connect();
    assert_eq!(life.target, first);
}

#[test]
fn patience_grows_with_each_round_of_servers() {
    let mut life = Life::among(3, 7, RetryPolicy::default(), None);
    let mut visits = Vec::new();
    let mut pauses = Vec::new();
    for _ in 0..7 {
        pauses.push(life.jump());
        visits.push(life.target);
        life.core.handle_disconnected(life.now, refused_to_connect());
        life.poll();
    }
    let first = visits[0];
    assert_eq!(visits, (0..7).map(|n| (first + n) % 3).collect::<Vec<_>>());
    let least = RetryPolicy::default().pause_min / 2;
    assert!(pauses[1..4].iter().all(|pause| (least..=2 * least).contains(pause)), "{pauses:?}");
    assert!(pauses[4..7].iter().all(|pause| (2 * least..=4 * least).contains(pause)), "{pauses:?}");
}

#[test]
fn clients_begin_at_servers_by_chance() {
    let mut begun = [0; 3];
    for seed in 0..300 {
        let mut life = Life::among(3, seed, RetryPolicy::default(), None);
        life.jump();
        begun[life.target] += 1;
    }
    assert!(begun.iter().all(|count| *count > 70), "{begun:?}");
}

fn refused_to_connect() -> Disconnect {
    Disconnect::ConnectFailed { detail: "refused".into(), permanent: false }
}

fn greeted(life: &mut Life) -> &mut Life {
    life.core.handle_connected(life.now, "token".into());
    life.sent();
    life
}

fn welcomed(life: &mut Life) -> &mut Life {
    life.welcome(8, false);
    life
}

/// Welcomed, and so many seconds have passed.
fn welcomed_for(life: &mut Life, seconds: u64) -> &mut Life {
    greeted(life).welcome(8, false);
    life.now += Duration::from_secs(seconds);
    life
}
