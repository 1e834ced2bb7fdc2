//! `liveroom verify draw`, run as anybody would run it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::Ed25519KeyPair;
use liveroom::gateway::receipt::ReceiptKey;
use liveroom::rules::{ActivityId, DrawPlan, DrawProof, DrawReceipt, DrawRecord};
use liveroom::store::{Answer, Ask, Bounds, DrawAnswer, DrawAsk, EnterBy, Keeper as _, MemoryKeeper, Op, Partition};
use liveroom::store::{Query, Reply};

use crate::stage::{Stage, bag, plan, request, room, user};

/// What a server would publish, and what its entrants hold.
struct Published {
    record: DrawRecord,
    receipts: Vec<DrawReceipt>,
    proof: DrawProof,
}

fn key() -> ReceiptKey {
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    ReceiptKey::from_pkcs8(pkcs8.as_ref()).unwrap()
}

/// The same room, draw and seed each time: only who entered differs.
fn publish(key: &ReceiptKey, names: &[&str], preferred: &[&str]) -> Published {
    let mut stage = Stage::new(MemoryKeeper::new(Bounds::default()));
    let preferred = preferred.iter().map(|name| user(name)).collect();
    let draw = DrawPlan { receipt_key: key.public(), preferred, ..bag(&[("tea", 2, 0)]) };
    let activity = stage.open(plan(draw));
    let receipts = (1..).zip(names).map(|(id, name)| receipt(&mut stage, key, activity, id, name)).collect();
    stage.wait_ms(60_000);
    let ask = |query| stage.keeper.ask(&query);
    let Reply::DrawRecord(record) = ask(Query::DrawRecord { room: room(), activity }) else { panic!("not drawn") };
    let Reply::DrawProof(proof) = ask(Query::DrawProof { room: room(), activity, user: user(names[0]) }) else {
        panic!("no proof")
    };
    Published { record: *record, receipts, proof: *proof }
}

fn receipt(
    stage: &mut Stage<MemoryKeeper>, key: &ReceiptKey, activity: ActivityId, id: u64, name: &str,
) -> DrawReceipt {
    let ask = Ask::Draw(DrawAsk::Enter { activity, token: stage.token(activity), by: EnterBy::Tap });
    let op = Op { partition: Partition::Room(room()), by: Some(user(name)), request: Some(request(id)), ask };
    match stage.decide(op) {
        Answer::Draw(DrawAnswer::Entered(entry)) => key.sign(&entry).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// A place for what the program is to read.
struct Desk(tempfile::TempDir);

impl Desk {
    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn json(&self, name: &str, value: &impl serde::Serialize) -> PathBuf {
        self.put(name, serde_json::to_vec(value).unwrap())
    }
}

fn verify(record: &Path, more: &[(&str, &Path)]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_liveroom"));
    command.args(["verify", "draw"]).arg(record);
    for (flag, file) in more {
        command.arg(flag).arg(file);
    }
    let Output { status, stdout, stderr } = command.output().unwrap();
    let said = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    (status.code().unwrap(), said)
}

#[test]
fn a_good_record_and_all_who_hold_something_against_it() {
    let (desk, key) = (Desk(tempfile::tempdir().unwrap()), key());
    let Published { record, receipts, proof } = publish(&key, &["ann", "bob", "cyd", "dan"], &["cyd"]);
    let file = desk.put("record.json", record.to_json());
    let receipt = desk.json("receipt.json", &receipts[3]);
    let proof = desk.json("proof.json", &proof);
    let (code, said) = verify(&file, &[("--receipt", &receipt), ("--proof", &proof)]);
    assert_eq!(code, 0, "{said}");
    for words in ["VALID", "dan is entry 3", "leads to the root", "rank 0: cyd wins tea", "preferred by the rules: cyd"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn any_changed_byte_and_whatever_is_no_record_fails() {
    let (desk, key) = (Desk(tempfile::tempdir().unwrap()), key());
    let json = publish(&key, &["ann", "bob", "cyd"], &["bob"]).record.to_json();
    // A dozen places over the whole of it; every byte is changed where that is quick, in the rules' own tests.
    for place in (0..json.len()).step_by(json.len() / 12) {
        let mut changed = json.clone();
        changed[place] ^= 1;
        let (code, said) = verify(&desk.put("changed.json", &changed), &[]);
        assert!(code != 0 && said.contains("NOT VALID"), "byte {place}: {said}");
    }
    let (code, said) = verify(&desk.put("empty.json", ""), &[]);
    assert!(code != 0 && said.contains("NOT VALID"), "{said}");
    let (code, said) = verify(&desk.0.path().join("nowhere.json"), &[]);
    assert!(code == 2 && said.contains("can't read"), "no verdict: {said}");
}

#[test]
fn a_receipt_that_is_missing_from_the_record_is_fraud() {
    let (desk, key) = (Desk(tempfile::tempdir().unwrap()), key());
    let with = publish(&key, &["ann", "bob", "cyd"], &[]);
    // The same draw, published as if cyd had never entered: consistent in itself.
    let without = publish(&key, &["ann", "bob"], &[]);
    assert_eq!(
        (with.record.rules_hash, with.record.commitment),
        (without.record.rules_hash, without.record.commitment)
    );
    let file = desk.put("without.json", without.record.to_json());
    assert_eq!(verify(&file, &[]).0, 0, "by itself it is flawless");
    let held = desk.json("cyd.json", &with.receipts[2]);
    let (code, said) = verify(&file, &[("--receipt", &held)]);
    assert!(code != 0 && said.contains("FRAUD"), "{said}");
    let (code, said) = verify(&file, &[("--receipt", &desk.json("ann.json", &with.receipts[0]))]);
    assert_eq!(code, 0, "{said}");
    // Who forges a receipt proves nothing.
    let mut forged = with.receipts[2].clone();
    forged.leaf = 1;
    let (code, said) = verify(&file, &[("--receipt", &desk.json("forged.json", &forged))]);
    assert!(code != 0 && !said.contains("FRAUD") && said.contains("it proves nothing"), "{said}");
    // Somebody else's proof leads elsewhere.
    let (code, said) = verify(&file, &[("--proof", &desk.json("proof.json", &with.proof))]);
    assert!(code != 0 && said.contains("does not lead"), "{said}");
}
