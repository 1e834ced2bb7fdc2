//! Full and failing disks, kills and power cuts.

use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::*;

#[test]
fn a_full_disk_stops_commits_before_a_byte_is_written_until_there_is_space() {
    for background in [false, true] {
        let disk = SimDisk::default();
        disk.set_capacity_bytes(2 * SEGMENT_BYTES);
        let open = || Log::open(Arc::new(disk.clone()), &Options { background, ..options() }, 1, |_, _| Ok(()));
        let (mut log, _) = open().unwrap();
        let mut committed = 0;
        let refused = loop {
            let reserved = log.reserve(1, 200);
            log.append(&[1; 200]).unwrap();
            match log.commit() {
                Ok(seq) => committed = seq,
                Err(error) => break (reserved, error),
            }
            assert!(reserved.is_ok(), "room that was denied was there");
        };
        assert!(matches!(refused, (Err(JournalError::StorageFull { .. }), JournalError::StorageFull { .. })));
        assert_eq!(committed, 8);
        assert_eq!(log.view().durable_seq(), 8);
        assert_eq!(read_all(&disk).unwrap().0.last_seq, 8);
        disk.set_capacity_bytes(4 * SEGMENT_BYTES);
        assert_eq!(log.append(&[2; 200]).unwrap(), 10);
        assert_eq!(log.commit().unwrap(), 10);
        drop(log);
        assert_eq!(open().unwrap().1.last_seq, 10);
    }
}

#[test]
fn short_writes_are_completed_and_a_full_write_may_be_repeated() {
    let disk = SimDisk::default();
    let (mut log, ..) = open(&disk);
    disk.inject(Fault::ShortWrite, 1);
    log.append(&payload(1)).unwrap();
    assert_eq!(log.commit().unwrap(), 1);
    disk.inject(Fault::WriteFull, 2);
    log.append(&payload(2)).unwrap();
    assert_eq!(log.commit().unwrap(), 2);
    log.append(&payload(3)).unwrap();
    assert!(matches!(log.commit(), Err(JournalError::StorageFull { .. })));
    assert_eq!(log.view().durable_seq(), 2);
    log.append(&payload(4)).unwrap();
    assert_eq!(log.commit().unwrap(), 4);
    assert_eq!(read_all(&disk).unwrap().1, (1..=4).map(payload).collect::<Kept>());
}

#[test]
fn a_failed_write_or_sync_is_the_end() {
    for fault in [Fault::WriteFails, Fault::SyncFails] {
        let disk = SimDisk::default();
        let (mut log, ..) = open(&disk);
        log.append(&payload(1)).unwrap();
        log.commit().unwrap();
        disk.inject(fault, 1);
        log.append(&payload(2)).unwrap();
        assert!(log.commit().unwrap_err().is_fatal());
        assert!(log.commit().unwrap_err().is_fatal());
        assert!(log.append(b"").unwrap_err().is_fatal());
        assert!(log.reserve(1, 1).unwrap_err().is_fatal());
        assert_eq!(log.view().durable_seq(), 1);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Append(usize),
    Commit,
    /// The next write takes only half of the bytes.
    ShortWrite,
    /// Killed between operations: the operating system keeps what was written.
    Kill,
    /// Ended after a commit whose sync failed. The operating system still shows what it did not sync.
    KillInSync,
    /// Power cut in a commit: half written, or written and not synced.
    CutInWrite(u64),
    CutInSync(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..300_usize).prop_map(Step::Append),
        4 => Just(Step::Commit),
        1 => Just(Step::ShortWrite),
        1 => Just(Step::Kill),
        1 => Just(Step::KillInSync),
        1 => any::<u64>().prop_map(Step::CutInWrite),
        2 => any::<u64>().prop_map(Step::CutInSync),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// After every crash all that was committed is there, and all that is there is the beginning of what was appended.
    #[test]
    fn nothing_committed_is_lost_and_nothing_is_invented(steps in prop::collection::vec(step(), 1..120)) {
        let mut disk = SimDisk::default();
        let (mut log, ..) = open(&disk);
        let (mut appended, mut committed) = (Kept::new(), 0);
        for step in steps {
            let fault = match step {
                Step::CutInWrite(_) => Some(Fault::WriteFails),
                Step::CutInSync(_) | Step::KillInSync => Some(Fault::SyncFails),
                _ => None,
            };
            match step {
                Step::Append(len) => {
                    let payload = vec![appended.len() as u8; len];
                    match log.append(&payload) {
                        Ok(_) => appended.push(payload),
                        Err(error) => prop_assert!(!error.is_fatal(), "{error}"),
                    }
                    continue;
                }
                Step::Commit => {
                    prop_assert_eq!(log.commit().unwrap(), appended.len() as u64);
                    committed = appended.len();
                    continue;
                }
                Step::ShortWrite => {
                    disk.inject(Fault::ShortWrite, 1);
                    continue;
                }
                Step::Kill => {}
                Step::KillInSync | Step::CutInWrite(_) | Step::CutInSync(_) => {
                    disk.inject(fault.unwrap(), 1);
                    prop_assert_eq!(log.commit().is_err(), committed < appended.len());
                }
            }
            disk = match step {
                Step::CutInWrite(seed) | Step::CutInSync(seed) => disk.crash(&mut ChaCha8Rng::seed_from_u64(seed)),
                _ => disk.kill(),
            };
            let before = read_all(&disk).unwrap();
            let (next, report, kept) = open(&disk);
            log = next;
            prop_assert_eq!(before, (report, kept.clone()));
            prop_assert!(kept.len() >= committed);
            prop_assert!(kept.len() <= appended.len());
            prop_assert!(kept == appended[..kept.len()]);
            let mut reader = log.view().reader(1).unwrap();
            for payload in &kept {
                prop_assert_eq!(reader.next().unwrap().unwrap().1, &payload[..]);
            }
            prop_assert!(reader.next().unwrap().is_none());
            committed = kept.len();
            appended = kept;
        }
    }
}
