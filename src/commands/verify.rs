//! `liveroom verify draw`: recomputes a published draw, offline but for fetching what is named by URL.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};

use super::{EXIT_FAILED, print};
use crate::gateway::receipt::is_signed;
use crate::rules::{Checked, Digest, DrawProof, DrawReceipt, DrawRecord, check_record};
use crate::server::fetch;

/// The largest record that is read: about a million entries.
const RECORD_BYTES_MAX: u64 = 64 << 20;

/// Check what a server has published.
#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Recompute a draw from its record: rules, commitment, entries, beacon and winners
    Draw(DrawArgs),
}

#[derive(Debug, Args)]
struct DrawArgs {
    /// The record: a file, or its http(s) URL
    #[arg(value_name = "FILE|URL")]
    record: String,
    /// An entrant's receipt, JSON: it must be kept by the record. May be given several times
    #[arg(long, value_name = "FILE")]
    receipt: Vec<PathBuf>,
    /// An entrant's inclusion proof, JSON: it must lead to the record's root. May be given several times
    #[arg(long, value_name = "FILE")]
    proof: Vec<PathBuf>,
    /// The root that somebody heard when the draw closed, 64 hex digits
    #[arg(long, value_name = "HEX", value_parser = root)]
    root: Option<Digest>,
    /// The hash of the rules, as somebody saw it before entries opened, 64 hex digits
    #[arg(long, value_name = "HEX", value_parser = root)]
    rules: Option<Digest>,
    /// The commitment, as somebody saw it before entries opened, 64 hex digits
    #[arg(long, value_name = "HEX", value_parser = root)]
    commitment: Option<Digest>,
}

fn root(text: &str) -> Result<Digest, &'static str> {
    Digest::parse(text).ok_or("64 lower-case hex digits")
}

impl VerifyArgs {
    pub(super) fn run(self) -> Result<ExitCode> {
        let What::Draw(args) = self.what;
        let json = args.read()?;
        let checked = match check_record(&json) {
            Ok(checked) => checked,
            Err(fault) => {
                print(&format!("NOT VALID: {fault}\n"))?;
                return Ok(ExitCode::from(EXIT_FAILED));
            }
        };
        let mut report = describe(&checked);
        let mut faults = args.compare(&checked.record);
        for file in &args.receipt {
            match receipt(file, &checked.record)? {
                Ok(said) => report.push_str(&format!("receipt {}: {said}\n", file.display())),
                Err(fault) => faults.push(format!("receipt {}: {fault}", file.display())),
            }
        }
        for file in &args.proof {
            match proof(file, &checked.record)? {
                true => report.push_str(&format!("proof {}: leads to the root\n", file.display())),
                false => faults.push(format!("proof {}: does not lead to this record's root", file.display())),
            }
        }
        print(&report)?;
        if faults.is_empty() {
            print("VALID\n")?;
            return Ok(ExitCode::SUCCESS);
        }
        faults.iter().try_for_each(|fault| print(&format!("NOT VALID: {fault}\n")))?;
        Ok(ExitCode::from(EXIT_FAILED))
    }
}

impl DrawArgs {
    fn read(&self) -> Result<Vec<u8>> {
        if self.record.starts_with("http://") || self.record.starts_with("https://") {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            return runtime.block_on(fetch::get(&self.record, RECORD_BYTES_MAX as usize, Duration::from_secs(60)));
        }
        let unread = || format!("can't read {}", self.record);
        let bytes = std::fs::metadata(&self.record).with_context(unread)?.len();
        anyhow::ensure!(bytes <= RECORD_BYTES_MAX, "{} is larger than any record", self.record);
        std::fs::read(&self.record).with_context(unread)
    }

    /// What somebody noted at the time, against what the record says now.
    fn compare(&self, record: &DrawRecord) -> Vec<String> {
        let noted = [
            ("root", "when the draw closed", self.root, record.root),
            ("rules", "before entries opened", self.rules, record.rules_hash),
            ("commitment", "before entries opened", self.commitment, record.commitment),
        ];
        let differs = noted.into_iter().filter_map(|(what, when, heard, says)| {
            let heard = heard.filter(|heard| *heard != says)?;
            Some(format!("the {what} that was heard {when} is {heard}, the record's is {says}"))
        });
        differs.collect()
    }
}

fn describe(Checked { record, passed }: &Checked) -> String {
    let mut text = format!("draw {} \"{}\", level {}\n", record.draw, record.rules.title, record.level);
    text.push_str(&format!("{} entries, root {}\n", record.count, record.root));
    if let Some(beacon) = &record.beacon {
        text.push_str(&format!("beacon: {beacon}, signature genuine\n"));
    }
    let listed = [("excluded", &record.rules.excluded), ("preferred", &record.rules.preferred)];
    for (what, users) in listed.into_iter().filter(|(_, users)| !users.is_empty()) {
        let names: Vec<&str> = users.iter().map(|user| user.as_str()).collect();
        text.push_str(&format!("{what} by the rules: {}\n", names.join(", ")));
    }
    for winner in &record.winners {
        let prize = record.rules.prizes.get(winner.prize as usize).map_or("?", |prize| &prize.title);
        let passed = if winner.passed { " (passed on)" } else { "" };
        text.push_str(&format!("rank {}: {} wins {prize}{passed}\n", winner.rank, winner.user));
    }
    if *passed > 0 {
        text.push_str(&format!("{passed} passed a prize on: that they did is the operator's word\n"));
    }
    text.push_str(&format!("reach: {}\n", record.reach));
    text
}

fn receipt(file: &PathBuf, record: &DrawRecord) -> Result<Result<String, String>> {
    let unread = || format!("can't read {}", file.display());
    let receipt: DrawReceipt =
        serde_json::from_slice(&std::fs::read(file).with_context(unread)?).with_context(unread)?;
    if !is_signed(&receipt) {
        return Ok(Err("its signature is not that of its key: it proves nothing".to_owned()));
    }
    Ok(match receipt.against(record) {
        Ok(()) => Ok(format!("{} is entry {}", receipt.ticket, receipt.leaf)),
        Err(fault) => Err(fault.to_string()),
    })
}

fn proof(file: &PathBuf, record: &DrawRecord) -> Result<bool> {
    let unread = || format!("can't read {}", file.display());
    let proof: DrawProof = serde_json::from_slice(&std::fs::read(file).with_context(unread)?).with_context(unread)?;
    Ok(proof.draw == record.draw && proof.root == record.root && proof.count == record.count && proof.holds())
}
