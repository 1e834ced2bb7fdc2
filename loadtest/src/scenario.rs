//! Load on a liveroom server: who the viewers are, what they ask for, and what must hold afterwards.
//!
//! `stage` makes rooms and activities through the `admin` API and `tokens` for everybody; `link` connects viewers, `entrance` those who use the client;
//! one viewer per room tells the others what may be asked for (`aims`); `ask` is what a viewer says and `learned`
//! what it is told, which `acks` writes down and `books` compares with what the server counts. `claims` is rain,
//! sale and coupons, `broadcast`(mod@broadcast) a host who speaks, `idle`(mod@idle) viewers who are only
//! there, `talk`(mod@talk) viewers who comment, like and vote, `draws`(mod@draws) those who enter draws,
//! `bots`(mod@bots) people among scripts (what a `script` guesses, what `risk` services and operators do about it, and the cash that is `held`
//! then), `mixed`(mod@mixed) all of it. `evening`(mod@evening) is for what happens in the
//! course of a broadcast: watch tasks,
//! check-ins, gifts, enrolments, lucky bags, templates, campaigns, experiments, and the show of everything.

mod acks;
mod admin;
mod aims;
mod ask;
mod books;
mod bots;
mod broadcast;
mod chance;
mod claims;
mod draws;
mod entrance;
mod evening;
mod fields;
mod frames;
mod held;
mod idle;
mod learned;
mod lines;
mod link;
mod mixed;
mod party;
mod risk;
mod script;
mod stage;
mod talk;
mod tokens;
mod viewer;

use crate::cli::{BotsArgs, BroadcastArgs, ClaimArgs, LoadArgs, MixedArgs, SaleArgs, ShowArgs};

/// Red-packet rain: every viewer claims. Says whether all went well.
pub fn rain(args: &ClaimArgs) -> anyhow::Result<bool> {
    claims::run(args, claims::Kind::Rain)
}

/// Flash sale: every viewer reserves. Says whether all went well.
pub fn sale(args: &SaleArgs) -> anyhow::Result<bool> {
    claims::run(&args.claims, claims::Kind::Sale { sold_out: args.sold_out })
}

/// Coupons: every viewer claims some, then reserves with them. Says whether all went well.
pub fn coupons(load: &LoadArgs) -> anyhow::Result<bool> {
    claims::run(&ClaimArgs { load: load.clone(), rooms: 1, activities: 1 }, claims::Kind::Coupons)
}

/// A host speaks, and every viewer listens. Says whether all went well.
pub fn broadcast(args: &BroadcastArgs) -> anyhow::Result<bool> {
    broadcast::run(args)
}

/// Every viewer is only there. Says whether all went well.
pub fn idle(load: &LoadArgs) -> anyhow::Result<bool> {
    idle::run(load)
}

/// Viewers talk, send hearts and vote. Says whether all went well.
pub fn talk(load: &LoadArgs) -> anyhow::Result<bool> {
    talk::run(load)
}

/// Viewers enter draws, and take codes out of a bag. Says whether all went well.
pub fn draws(load: &LoadArgs) -> anyhow::Result<bool> {
    draws::run(load)
}

/// People among bots. Says whether all went well.
pub fn bots(args: &BotsArgs) -> anyhow::Result<bool> {
    bots::run(args)
}

/// Everything together. Says whether all went well.
pub fn mixed(args: &MixedArgs) -> anyhow::Result<bool> {
    mixed::run(args)
}

/// A watch task: every viewer stays for its steps. Says whether all went well.
pub fn watch_task(load: &LoadArgs) -> anyhow::Result<bool> {
    evening::watch_task(load)
}

/// A check-in: every viewer checks in. Says whether all went well.
pub fn check_in(load: &LoadArgs) -> anyhow::Result<bool> {
    evening::check_in(load)
}

/// Gifts: every viewer sends combos of them. Says whether all went well.
pub fn gifts(load: &LoadArgs) -> anyhow::Result<bool> {
    evening::gifts(load)
}

/// An enrolment with fewer places than viewers. Says whether all went well.
pub fn enrolment(load: &LoadArgs) -> anyhow::Result<bool> {
    evening::enrolment(load)
}

/// A campaign with goals, of coupons, a rain and a sale. Says whether all went well.
pub fn campaign(load: &LoadArgs) -> anyhow::Result<bool> {
    evening::campaign(load)
}

/// Lucky bags that are drawn, for newcomers, and of codes. Says whether all went well.
pub fn bags(load: &LoadArgs) -> anyhow::Result<bool> {
    evening::bags(load)
}

/// Activities that come of templates. Says whether all went well.
pub fn template(load: &LoadArgs) -> anyhow::Result<bool> {
    evening::template(load)
}

/// An experiment, whose arms have something of their own. Says whether all went well.
pub fn experiment(load: &LoadArgs) -> anyhow::Result<bool> {
    evening::experiment(load)
}

/// A broadcast with everything. Says whether all went well.
pub fn show(args: &ShowArgs) -> anyhow::Result<bool> {
    evening::show(args)
}

/// A name that nothing else has.
fn unique_name() -> String {
    format!("{:016x}", random())
}

/// A number that nobody can guess.
fn random() -> u64 {
    let mut bytes = [0; 8];
    aws_lc_rs::rand::fill(&mut bytes).expect("the system gives randomness");
    u64::from_le_bytes(bytes)
}
