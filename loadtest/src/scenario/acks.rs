//! What viewers were told, written down so that somebody other than the server can hold the server to it.
//!
//! One JSON object a line, in the form that `liveroom audit --acks` reads. Viewers only append to a buffer; a thread of
//! its own writes it out many times a second, for the server may be killed at any time, and what it acknowledged by then
//! is what counts.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle, sleep};
use std::time::Duration;

use anyhow::Context;
use aws_lc_rs::digest::{SHA256, digest};
use liveroom_protocol::client::Outcome as Decided;
use liveroom_protocol::wire::{GiftSent, Grant, Hold, Own, PrizeState, grant};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::frames::Outcome;

/// How often the buffer is written out.
const EVERY: Duration = Duration::from_millis(20);

/// The file of acknowledgements.
#[derive(Debug)]
pub(super) struct Acks {
    shared: Arc<Shared>,
    writer: JoinHandle<io::Result<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    lines: Mutex<Vec<u8>>,
    over: AtomicBool,
}

impl Acks {
    /// Begins the file anew.
    pub(super) fn create(path: &Path) -> anyhow::Result<Self> {
        let mut file = File::create(path).with_context(|| format!("creating {}", path.display()))?;
        let shared = Arc::new(Shared::default());
        let of_writer = Arc::clone(&shared);
        let writer = Builder::new().name("acks".to_owned()).spawn(move || {
            loop {
                // Looked at before the lines: what was said before the end is written.
                let over = of_writer.over.load(Ordering::Acquire);
                let lines = std::mem::take(&mut *of_writer.lines.lock());
                file.write_all(&lines)?;
                if over {
                    return Ok(());
                }
                sleep(EVERY);
            }
        })?;
        Ok(Self { shared, writer })
    }

    /// One viewer's voice in it.
    pub(super) fn voice(&self, room: &str, user: &str, ask: &'static str) -> Voice {
        let head = format!(r#"{{"room":"{room}","user":"{user}","ask":"{ask}","request_id":""#);
        Voice { shared: Arc::clone(&self.shared), head }
    }

    /// The voice of one viewer who asks for all kinds of things.
    pub(super) fn voices(&self, room: &str, user: &str) -> Voices {
        Voices { shared: Arc::clone(&self.shared), room: room.to_owned(), user: user.to_owned() }
    }

    /// Writes what is left.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        self.shared.over.store(true, Ordering::Release);
        let written = self.writer.join().map_err(|_| anyhow::anyhow!("the writer of acknowledgements panicked"))?;
        written.context("writing acknowledgements")
    }
}

/// Notes what one viewer was told.
#[derive(Debug, Clone)]
pub(super) struct Voice {
    shared: Arc<Shared>,
    head: String,
}

impl Voice {
    /// Notes a decision; what decides nothing is no acknowledgement.
    pub(super) fn say(&self, id: u64, activity: u64, outcome: &Outcome<'_>) {
        let mut lines = self.shared.lines.lock();
        let head = &self.head;
        // Writing to memory does not fail.
        let _ = match outcome {
            Outcome::Grant(grant) if grant.coupon.is_empty() => {
                let (slot, amount_fen) = (grant.slot, grant.amount_fen);
                let head = format_args!(r#"{head}{id}","activity":{activity},"answer":"granted""#);
                match grant.held_until_ms {
                    None => writeln!(lines, r#"{head},"slot":{slot},"amount_fen":{amount_fen},"held_until_ms":null}}"#),
                    Some(ms) => {
                        writeln!(lines, r#"{head},"slot":{slot},"amount_fen":{amount_fen},"held_until_ms":{ms}}}"#)
                    }
                }
            }
            Outcome::Grant(grant) => writeln!(
                lines,
                r#"{head}{id}","activity":{activity},"answer":"granted","slot":{},"coupon":{}}}"#,
                grant.slot,
                serde_json::Value::from(String::from_utf8_lossy(grant.coupon))
            ),
            Outcome::Order(order) => writeln!(
                lines,
                r#"{head}{id}","activity":{activity},"answer":"reserved","order":{},"total_fen":{}}}"#,
                order.order, order.total_fen
            ),
            Outcome::Refused(code) => {
                writeln!(lines, r#"{head}{id}","activity":{activity},"answer":"refused","code":"{}"}}"#, code.word())
            }
            Outcome::NotDone(_) | Outcome::Pending | Outcome::Done => Ok(()),
        };
    }
}

/// Notes what one viewer was told, whatever it asked for.
#[derive(Debug, Clone)]
pub(super) struct Voices {
    shared: Arc<Shared>,
    room: String,
    user: String,
}

impl Voices {
    /// Notes a decision on a request of that kind, in an activity unless that is 0.
    pub(super) fn say(&self, ask: &str, id: u64, activity: u64, outcome: &Decided) {
        let Some(answer) = decision(ask, outcome) else { return };
        let mut line = json!({"room": self.room, "user": self.user, "ask": ask, "request_id": id.to_string()});
        if activity > 0 {
            line["activity"] = activity.into();
        }
        if let (Value::Object(line), Value::Object(answer)) = (&mut line, answer) {
            line.extend(answer);
        }
        self.write(&line);
    }

    /// Notes what came unasked of cash that is held, or was.
    pub(super) fn own(&self, own: &Own) {
        for grant in &own.grants {
            if let (Some(hold), Some(grant::Prize::AmountFen(fen))) = (&grant.hold, &grant.prize) {
                self.hold(grant.activity, ("slot", grant.slot), *fen, hold);
            }
        }
        for prize in &own.prizes {
            if let Some(hold) = &prize.hold {
                self.hold(prize.activity, ("rank", prize.rank), prize.cash_fen, hold);
            }
        }
    }

    fn hold(&self, activity: u64, (won, number): (&str, u32), fen: i64, hold: &Hold) {
        self.write(&json!({
            "room": self.room, "user": self.user, "activity": activity, won: number, "amount_fen": fen,
            "held_until_ms": hold.until_ms, "hold": hold.state().as_str_name().to_lowercase(),
        }));
    }

    fn write(&self, line: &Value) {
        // Writing to memory does not fail.
        let _ = writeln!(self.shared.lines.lock(), "{line}");
    }
}

/// A decision in the words of the audit; `None` for what it does not know or what decides nothing.
fn decision(ask: &str, outcome: &Decided) -> Option<Value> {
    const DECIDED: [&str; 7] = ["claim", "reserve", "claim_step", "check_in", "send_gift", "enter", "reply"];
    if !DECIDED.contains(&ask) {
        return None;
    }
    Some(match outcome {
        Decided::Granted(grant) => {
            let mut answer = json!({"answer": "granted", "slot": grant.slot});
            match grant.prize.as_ref()? {
                grant::Prize::AmountFen(fen) => {
                    answer["amount_fen"] = (*fen).into();
                    answer["held_until_ms"] = grant.hold.map(|hold| hold.until_ms).into();
                }
                grant::Prize::Coupon(coupon) => answer["coupon"] = coupon.as_str().into(),
                grant::Prize::Item(item) => answer["item"] = item.as_str().into(),
                // A code is its winner's alone: no file tells more than its hash.
                grant::Prize::Code(code) => answer["code_hash"] = hash(code).into(),
            }
            answer
        }
        Decided::Ordered(order) => json!({"answer": "reserved", "order": order.order, "total_fen": order.total_fen}),
        Decided::CheckedIn(checked) => {
            let mut answer = json!({"answer": "checked_in", "streak": checked.streak});
            if let Some(Grant { prize: Some(grant::Prize::AmountFen(_)), hold, .. }) = &checked.grant {
                answer["held_until_ms"] = hold.map(|hold| hold.until_ms).into();
            }
            answer
        }
        Decided::GiftSent(GiftSent { combo, total, balance_coins }) => {
            json!({"answer": "sent", "combo": combo, "total": total, "balance_coins": balance_coins})
        }
        Decided::Entered(ticket) => json!({"answer": "entered", "leaf": ticket.leaf}),
        Decided::Prize(prize) => {
            let kept = prize.state() == PrizeState::Kept;
            let mut answer = json!({"answer": "prize", "rank": prize.rank, "kept": kept});
            if prize.cash_fen > 0 {
                answer["held_until_ms"] = prize.hold.map(|hold| hold.until_ms).into();
            }
            answer
        }
        Decided::Refused { code, .. } => json!({"answer": "refused", "code": code.word()}),
        _ => return None,
    })
}

fn hash(code: &str) -> String {
    digest(&SHA256, code.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::frames::{Granted, Reserved};
    use super::*;
    use liveroom_protocol::wire::{DrawPrize, HoldState, NotDoneCode, RefusalCode};

    #[test]
    fn decisions_are_written_in_the_form_that_the_audit_reads() {
        let path = std::env::temp_dir().join(format!("acks-{}", std::process::id()));
        let acks = Acks::create(&path).unwrap();
        let claims = acks.voice("r1", "ann", "claim");
        let orders = acks.voice("r1", "bob", "reserve");
        let grant = Granted { activity: 1, slot: 2, amount_fen: 88, ..Granted::default() };
        claims.say(9_007_199_254_740_993, 1, &Outcome::Grant(grant));
        let held = Granted { slot: 4, held_until_ms: Some(1_800_000_060_000), ..grant };
        claims.say(9, 1, &Outcome::Grant(held));
        claims.say(7, 1, &Outcome::Grant(Granted { coupon: b"tea-10", slot: 3, ..Granted::default() }));
        claims.say(8, 1, &Outcome::NotDone(NotDoneCode::Overloaded));
        claims.say(8, 1, &Outcome::Pending);
        orders.say(8, 2, &Outcome::Order(Reserved { order: 4, total_fen: 19_900, ..Reserved::default() }));
        orders.say(3, 2, &Outcome::Refused(RefusalCode::SoldOut));
        let cash = |fen, hold| Grant {
            activity: 1,
            slot: 4,
            prize: Some(grant::Prize::AmountFen(fen)),
            hold,
            ..Grant::default()
        };
        let hold = Hold { until_ms: 1_800_000_060_000, state: HoldState::Forfeited.into() };
        let prize = |cash_fen, hold| DrawPrize { activity: 3, cash_fen, hold, ..DrawPrize::default() };
        let (grants, prizes) = (vec![cash(5, None), cash(88, Some(hold))], vec![prize(0, None), prize(7, Some(hold))]);
        acks.voices("r1", "ann").own(&Own { grants, prizes, ..Own::default() });
        acks.finish().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(
            lines,
            [
                json!({"room": "r1", "user": "ann", "request_id": "9007199254740993", "ask": "claim", "activity": 1,
                    "answer": "granted", "slot": 2, "amount_fen": 88, "held_until_ms": null}),
                json!({"room": "r1", "user": "ann", "request_id": "9", "ask": "claim", "activity": 1,
                    "answer": "granted", "slot": 4, "amount_fen": 88, "held_until_ms": 1_800_000_060_000u64}),
                json!({"room": "r1", "user": "ann", "request_id": "7", "ask": "claim", "activity": 1,
                    "answer": "granted", "slot": 3, "coupon": "tea-10"}),
                json!({"room": "r1", "user": "bob", "request_id": "8", "ask": "reserve", "activity": 2,
                    "answer": "reserved", "order": 4, "total_fen": 19900}),
                json!({"room": "r1", "user": "bob", "request_id": "3", "ask": "reserve", "activity": 2,
                    "answer": "refused", "code": "sold_out"}),
                json!({"room": "r1", "user": "ann", "activity": 1, "slot": 4, "amount_fen": 88,
                    "held_until_ms": 1_800_000_060_000u64, "hold": "forfeited"}),
                json!({"room": "r1", "user": "ann", "activity": 3, "rank": 0, "amount_fen": 7,
                    "held_until_ms": 1_800_000_060_000u64, "hold": "forfeited"}),
            ]
        );
    }
}
