//! What is done about scripts: a risk service judges accounts, decoys catch those who guess, and an operator has cash held and says
//! what becomes of it.

use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};

use super::stage::{Stage, in_parallel};

/// From which risk on cash is held, how risky the known scripts are, and what a decoy makes of an account.
const HOLD_FROM: u8 = 60;
const KNOWN_RISK: u8 = 80;
const DECOY_SCORE: u8 = 90;

/// How long what comes by itself may take: catches are recorded at leisure, holds end by their time.
const PATIENCE: Duration = Duration::from_secs(20);

/// Cash that is held, or was, as the server shows it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Hold {
    pub(super) activity: u64,
    pub(super) unit: u64,
    pub(super) amount_fen: i64,
    pub(super) until_ms: i64,
    pub(super) state: String,
}

/// What an account is judged to be.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Judgement {
    score: u8,
    reason: String,
}

/// What an operator may do with it before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It comes into the wallet.
    Release,
    /// It goes back to whoever paid it.
    Forfeit,
}

impl End {
    const fn word(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Forfeit => "forfeit",
        }
    }

    /// What is shown of a hold that ended so.
    pub(super) const fn state(self) -> &'static str {
        match self {
            Self::Release => "credited",
            Self::Forfeit => "forfeited",
        }
    }
}

impl Hold {
    /// Whether it has not ended.
    pub(super) fn is_open(&self) -> bool {
        self.state == "held"
    }
}

/// What makes a rain a decoy: whoever is caught is judged for so long.
pub(super) fn decoy(judged: Duration) -> Value {
    json!({"score": DECOY_SCORE, "for_s": judged.as_secs()})
}

/// Looks until it is there.
pub(super) fn until<T>(look: impl Fn() -> anyhow::Result<Option<T>>) -> anyhow::Result<T> {
    let give_up = Instant::now() + PATIENCE;
    loop {
        if let Ok(Some(found)) = look() {
            return Ok(found);
        }
        anyhow::ensure!(Instant::now() < give_up, "in vain");
        sleep(Duration::from_millis(50));
    }
}

impl Stage {
    /// A risk service knows these accounts beforehand; what it says counts for the whole run.
    pub(super) fn judge(&self, users: &[String]) -> anyhow::Result<()> {
        const AT_ONCE: usize = 100;
        let until_ms = (SystemTime::now() + self.ttl()).duration_since(UNIX_EPOCH)?.as_millis() as u64;
        for users in users.chunks(AT_ONCE) {
            let one =
                |user: &String| json!({"user": user, "score": KNOWN_RISK, "reason": "load", "until_ms": until_ms});
            self.admin().put("/v1/risks", &users.iter().map(one).collect())?;
        }
        Ok(())
    }

    /// The cash of risky accounts is held for so long, in whole seconds.
    pub(super) fn hold_cash(&self, hold: Duration) -> anyhow::Result<()> {
        self.admin().put("/v1/hold-policy", &json!({"hold_from": HOLD_FROM, "hold_s": hold.as_secs()})).map(drop)
    }

    /// No more cash is held.
    pub(super) fn hold_no_more(&self) -> anyhow::Result<()> {
        self.admin().delete("/v1/hold-policy").map(drop)
    }

    /// A user's cash that is held, or was, page by page.
    pub(super) fn holds(&self, user: &str) -> anyhow::Result<Vec<Hold>> {
        #[derive(Deserialize)]
        struct Page {
            holds: Vec<Hold>,
            next: Option<String>,
        }
        let (mut holds, mut after) = (Vec::new(), String::new());
        loop {
            let page: Page =
                serde_json::from_value(self.admin().get(&format!("/v1/users/{user}/holds?limit=1000{after}"))?)?;
            holds.extend(page.holds);
            match page.next {
                Some(next) => after = format!("&after={next}"),
                None => return Ok(holds),
            }
        }
    }

    /// An operator says what becomes of it.
    pub(super) fn end_hold(&self, hold: &Hold, end: End) -> anyhow::Result<()> {
        let (Hold { activity, unit, .. }, end) = (hold, end.word());
        self.post(&format!("/activities/{activity}/holds/{unit}/{end}"), &json!({})).map(drop)
    }

    /// Waits until all of a user's holds have ended; them, and what the wallet then holds of cash, fen.
    pub(super) fn ended_holds(&self, user: &str) -> anyhow::Result<(Vec<Hold>, i64)> {
        let ended = || Ok(Some(self.holds(user)?).filter(|holds| !holds.iter().any(Hold::is_open)));
        let holds = until(ended).with_context(|| format!("{user} has cash that is held for ever"))?;
        let wallet = self.admin().get(&format!("/v1/wallets/{user}"))?;
        anyhow::ensure!(
            wallet["held_fen"] == 0,
            "no hold of {user} is open, and the books hold {}",
            wallet["held_fen"]
        );
        Ok((holds, wallet["fen"].as_i64().context("a wallet holds fen")?))
    }

    /// Whether a decoy has caught these users and nobody else, and each is judged for it.
    pub(super) fn caught(&self, decoy: u64, users: &[String]) -> anyhow::Result<Result<(), String>> {
        let caught = || self.get(&format!("/activities/{decoy}")).map(|view| view["caught"].as_u64());
        let want = Some(users.len() as u64);
        if until(|| Ok((caught()? == want).then_some(()))).is_err() {
            return Ok(Err(format!("{:?} caught of {want:?}", caught()?)));
        }
        self.every_judgement(users, Some(&Judgement { score: DECOY_SCORE, reason: "decoy".to_owned() }))
    }

    /// Whether nobody has judged these users.
    pub(super) fn nobody_judged(&self, users: &[String]) -> anyhow::Result<Result<(), String>> {
        self.every_judgement(users, None)
    }

    fn every_judgement(&self, users: &[String], want: Option<&Judgement>) -> anyhow::Result<Result<(), String>> {
        let other = Mutex::new(Ok(()));
        in_parallel(users, |user| {
            let found = self.admin().get_if_any(&format!("/v1/users/{user}/risk"))?;
            let judged = found.map(serde_json::from_value::<Judgement>).transpose()?;
            if judged.as_ref() != want {
                *other.lock() = Err(format!("{user} is judged to be {judged:?}, not {want:?}"));
            }
            Ok(())
        })?;
        Ok(other.into_inner())
    }
}
