//! The server's API for hosts and operators, as far as a storm needs it: at one server, or at whichever of several is
//! there. Blocking: it is never called while viewers wait.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use super::unique_name;

/// How long one call may take.
const TIMEOUT: Duration = Duration::from_secs(20);

type Response = ureq::http::Response<ureq::Body>;

/// Calls the API.
#[derive(Debug, Clone)]
pub(super) struct Admin {
    agent: ureq::Agent,
    doors: Vec<Door>,
    /// The door where somebody was at home the last time.
    open: Arc<AtomicUsize>,
}

/// One server's API.
#[derive(Debug, Clone)]
struct Door {
    base: String,
    bearer: String,
}

/// An activity, as far as it is looked at.
#[derive(Debug, Deserialize)]
pub(super) struct Activity {
    /// Its number, and where it stands.
    pub(super) activity: u64,
    pub(super) phase: String,
    pub(super) funded_fen: i64,
    pub(super) unspent_fen: i64,
    pub(super) pools: Vec<Pool>,
    /// The votes of a poll.
    #[serde(default)]
    pub(super) tally: Option<Tally>,
}

/// How a poll stands.
#[derive(Debug, Deserialize)]
pub(super) struct Tally {
    /// For each option, in their order.
    pub(super) votes: Vec<u64>,
}

/// A pool of it.
#[derive(Debug, Deserialize)]
pub(super) struct Pool {
    pub(super) stock: u64,
    pub(super) free: u64,
    pub(super) reserved: u64,
    pub(super) granted: u64,
}

/// A coupon template, as far as it is looked at.
#[derive(Debug, Deserialize)]
pub(super) struct CouponTemplate {
    pub(super) issued: u64,
    pub(super) held: u64,
    pub(super) reserved: u64,
    pub(super) used: u64,
    pub(super) expired: u64,
}

impl Admin {
    /// A caller without a token.
    pub(super) fn at(addresses: &[SocketAddr]) -> Self {
        let config = ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).http_status_as_error(false);
        let agent = config.build().new_agent();
        let door = |address| Door { base: format!("http://{address}"), bearer: String::new() };
        Self { agent, doors: addresses.iter().map(door).collect(), open: Arc::default() }
    }

    /// The same caller with tokens: one for each server, or one for all.
    pub(super) fn with_tokens(mut self, tokens: &[String]) -> Self {
        for (door, token) in self.doors.iter_mut().zip(tokens.iter().cycle()) {
            door.bearer = format!("Bearer {token}");
        }
        self
    }

    /// A caller of each server alone.
    pub(super) fn each(&self) -> Vec<Self> {
        let alone = |door: &Door| Self { doors: vec![door.clone()], open: Arc::default(), ..self.clone() };
        self.doors.iter().map(alone).collect()
    }

    /// Has a development server make tokens, one for each user.
    pub(super) fn dev_tokens(&self, role: &str, users: &[String], ttl: Duration) -> anyhow::Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Made {
            tokens: Vec<String>,
        }
        let body = json!({"role": role, "users": users, "ttl_s": ttl.as_secs()});
        let made = self.post("/dev/tokens", &body);
        let made =
            made.context("no --token-key, and the server makes no tokens: is it `serve --dev` on this machine?")?;
        Ok(serde_json::from_value::<Made>(made)?.tokens)
    }

    pub(super) fn create_room(&self, room: &str, host: &str) -> anyhow::Result<()> {
        self.put(&format!("/v1/rooms/{room}"), &json!({"host": host})).map(drop)
    }

    pub(super) fn top_up(&self, user: &str, fen: i64) -> anyhow::Result<()> {
        let body = json!({"currency": "fen", "amount": fen});
        self.post(&format!("/v1/wallets/{user}/top-ups"), &body).map(drop)
    }

    pub(super) fn top_up_coins(&self, user: &str, coins: i64) -> anyhow::Result<()> {
        let body = json!({"currency": "coins", "amount": coins});
        self.post(&format!("/v1/wallets/{user}/top-ups"), &body).map(drop)
    }

    /// What a wallet holds, fen.
    pub(super) fn balance(&self, user: &str) -> anyhow::Result<i64> {
        Ok(self.wallet(user)?.0)
    }

    /// What a wallet holds, fen and coins.
    pub(super) fn wallet(&self, user: &str) -> anyhow::Result<(i64, i64)> {
        let wallet = self.get(&format!("/v1/wallets/{user}"))?;
        let held = |what: &str| wallet[what].as_i64().context("a wallet holds fen and coins");
        Ok((held("fen")?, held("coins")?))
    }

    /// Drafts, schedules and opens an activity; gives its number.
    pub(super) fn open(&self, room: &str, plan: &Value) -> anyhow::Result<u64> {
        let drafted = self.post(&format!("/v1/rooms/{room}/activities"), plan)?;
        let activity = drafted["activity"].as_u64().context("a draft has a number")?;
        for step in ["schedule", "open"] {
            self.step(room, activity, step)?;
        }
        Ok(activity)
    }

    pub(super) fn add_coupon_template(&self, room: &str, template: &Value) -> anyhow::Result<()> {
        self.post(&format!("/v1/rooms/{room}/coupon-templates"), template).map(drop)
    }

    pub(super) fn coupon_templates(&self, room: &str) -> anyhow::Result<Vec<CouponTemplate>> {
        Ok(serde_json::from_value(self.get(&format!("/v1/rooms/{room}/coupon-templates"))?)?)
    }

    pub(super) fn step(&self, room: &str, activity: u64, step: &str) -> anyhow::Result<()> {
        self.post(&format!("/v1/rooms/{room}/activities/{activity}/{step}"), &json!({})).map(drop)
    }

    pub(super) fn activities(&self, room: &str) -> anyhow::Result<Vec<Activity>> {
        Ok(serde_json::from_value(self.get(&format!("/v1/rooms/{room}/activities"))?)?)
    }

    /// The record of a draw that was drawn.
    pub(super) fn draw_record(&self, room: &str, draw: u64) -> anyhow::Result<Value> {
        self.get(&format!("/v1/rooms/{room}/draws/{draw}/record"))
    }

    pub(super) fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.call(path, |door, url| self.agent.get(url).header("authorization", &door.bearer).call())
    }

    /// What may not be there.
    pub(super) fn get_if_any(&self, path: &str) -> anyhow::Result<Option<Value>> {
        let ask = |door: &Door, url: &str| self.agent.get(url).header("authorization", &door.bearer).call();
        let (url, response) = self.answer(path, ask)?;
        if response.status() == 404 { Ok(None) } else { read(&url, response).map(Some) }
    }

    pub(super) fn put(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let name = unique_name();
        self.call(path, |door, url| signed(self.agent.put(url), door, &name).send_json(body))
    }

    pub(super) fn delete(&self, path: &str) -> anyhow::Result<Value> {
        let name = unique_name();
        self.call(path, |door, url| signed(self.agent.delete(url), door, &name).call())
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        // The same name at every door: what one has done and could not say, the others know.
        let name = unique_name();
        self.call(path, |door, url| signed(self.agent.post(url), door, &name).send_json(body))
    }

    fn call(&self, path: &str, send: impl Fn(&Door, &str) -> Result<Response, ureq::Error>) -> anyhow::Result<Value> {
        let (url, response) = self.answer(path, send)?;
        read(&url, response)
    }

    /// Asks where somebody was at home the last time, then at the other doors.
    fn answer(
        &self, path: &str, send: impl Fn(&Door, &str) -> Result<Response, ureq::Error>,
    ) -> anyhow::Result<(String, Response)> {
        let first = self.open.load(Ordering::Relaxed);
        let mut nobody = None;
        for place in (first..first + self.doors.len()).map(|place| place % self.doors.len()) {
            let door = &self.doors[place];
            let url = format!("{}{path}", door.base);
            match send(door, &url) {
                Ok(response) => {
                    self.open.store(place, Ordering::Relaxed);
                    return Ok((url, response));
                }
                Err(error) => {
                    let error = anyhow::Error::new(error).context(format!("calling {url}"));
                    nobody.get_or_insert(error);
                }
            }
        }
        Err(nobody.context("there is no server to call")?)
    }
}

fn signed<B>(request: ureq::RequestBuilder<B>, door: &Door, name: &str) -> ureq::RequestBuilder<B> {
    let request = request.header("idempotency-key", name);
    if door.bearer.is_empty() { request } else { request.header("authorization", &door.bearer) }
}

fn read(url: &str, mut response: Response) -> anyhow::Result<Value> {
    let status = response.status();
    let body: Value = response.body_mut().read_json().unwrap_or_default();
    if !status.is_success() {
        let word = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        bail!("{url} said {status}: {} {}", word("code"), word("detail"));
    }
    Ok(body)
}
