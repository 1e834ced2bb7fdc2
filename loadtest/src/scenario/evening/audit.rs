//! The server's own books, checked by the server's own audit.

use std::collections::BTreeMap;

use anyhow::Context;
use liveroom::server::audit::{Books, audit_redis};
use liveroom::store::Bounds;
use liveroom::store::audit::Report;
use liveroom::store::redis::RedisOptions;

use crate::cli::ShowArgs;

/// How often a copy of books that are being written may turn out to be none.
const COPIES_MAX: u32 = 5;

/// What the audit found.
#[derive(Debug, Default)]
pub(super) struct Audited {
    /// Events that were looked at; `None`: the books were not there to be audited.
    pub(super) events: Option<u64>,
    pub(super) invariants: BTreeMap<String, bool>,
    pub(super) complaints: Vec<String>,
}

/// Audits the books, if the command line says where they are.
///
/// # Errors
/// When they can't be read.
pub(super) fn of(args: &ShowArgs) -> anyhow::Result<Audited> {
    let acks = args.load.acks.as_deref();
    let report = match (&args.store, &args.data_dir) {
        (Some(url), _) => {
            let options = RedisOptions { prefix: args.prefix.clone(), ..RedisOptions::new(url.clone()) };
            audit_redis(&options, acks)?
        }
        (None, Some(_)) => audit_a_copy(args)?,
        (None, None) => return Ok(Audited::default()),
    };
    let invariants = report.findings.iter().map(|finding| (finding.name.word().to_owned(), finding.ok));
    let broken = report.findings.iter().filter(|finding| !finding.ok);
    Ok(Audited {
        events: Some(report.events),
        invariants: invariants.collect(),
        complaints: broken.map(|finding| format!("audit/{}: {}", finding.name, finding.detail)).collect(),
    })
}

fn audit_a_copy(args: &ShowArgs) -> anyhow::Result<Report> {
    let data_dir = args.data_dir.as_deref().context("the books are somewhere")?;
    let audit = || {
        let copy = tempfile::tempdir().context("can't make a folder")?;
        Books::copy(data_dir, copy.path())?;
        Books { acks: args.load.acks.clone(), ..Books::of(copy.path(), Bounds::default()) }.audit()
    };
    let mut audited = audit();
    for _ in 1..COPIES_MAX {
        if audited.is_ok() {
            break;
        }
        audited = audit();
    }
    audited
}
