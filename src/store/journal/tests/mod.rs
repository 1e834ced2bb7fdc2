//! The journal in order; against damage, faults and power cuts in the modules below.

use std::path::Path;
use std::sync::Arc;
use std::thread;

use super::segment::FrameHeader;
use super::*;

mod damage;
mod faults;
mod snapshots;

const SEGMENT_BYTES: u64 = 1024;

fn options() -> Options {
    Options { segment_bytes: SEGMENT_BYTES, record_bytes_max: 512, epoch: 7, background: false }
}

type Kept = Vec<Vec<u8>>;

fn open_at(disk: &SimDisk, from_seq: u64) -> Result<(Log, RecoveryReport, Kept)> {
    let mut kept = Kept::new();
    let (log, report) = Log::open(Arc::new(disk.clone()), &options(), from_seq, |seq, payload| {
        assert_eq!(seq, from_seq + kept.len() as u64);
        kept.push(payload.to_vec());
        Ok(())
    })?;
    Ok((log, report, kept))
}

fn open(disk: &SimDisk) -> (Log, RecoveryReport, Kept) {
    open_at(disk, 1).unwrap()
}

fn read_all(disk: &SimDisk) -> Result<(RecoveryReport, Kept)> {
    let mut kept = Kept::new();
    let report = verify(disk, 0, |_, payload| {
        kept.push(payload.to_vec());
        Ok(())
    })?;
    Ok((report, kept))
}

/// No two are alike, and no byte of them is zero.
fn payload(seq: u64) -> Vec<u8> {
    format!("record {seq}").repeat(1 + seq as usize % 3).into_bytes()
}

/// Commits of so many records each; returns where each frame is: segment, offset, length.
fn write_commits(disk: &SimDisk, commits: &[u64]) -> (Kept, Vec<(String, u64, u64)>) {
    let (mut log, _, mut kept) = open(disk);
    let mut frames = Vec::new();
    for records in commits {
        let mut len = FrameHeader::LEN as u64;
        for _ in 0..*records {
            kept.push(payload(log.next_seq()));
            log.append(&kept[kept.len() - 1]).unwrap();
            len += segment::record_len(kept[kept.len() - 1].len()) as u64;
        }
        log.commit().unwrap();
        let (segment, end) = log.position();
        frames.push((segment::name(segment), end - len, len));
    }
    (kept, frames)
}

#[test]
fn format_is_as_it_always_was() {
    // Header, frame header, "hello", "". The checksums were compared with another implementation's.
    const GOLDEN: &str = "4c495645524f4f4d03000000d78f6eb4070000000000000001000000000000000004000000000000\
        18000000020000000100000000000000a5659547aa328c86\
        0500000068656c6c6f000000000000000000000000000000";
    let disk = SimDisk::default();
    let (mut log, ..) = open(&disk);
    log.append(b"hello").unwrap();
    log.append(b"").unwrap();
    log.commit().unwrap();
    let bytes = disk.read("segment-0000000001.log").unwrap();
    assert_eq!(bytes.len() as u64, SEGMENT_BYTES);
    let written: String = bytes[..88].iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(written, GOLDEN);
    assert!(bytes[88..].iter().all(|byte| *byte == 0));
}

#[test]
fn what_was_committed_is_there_and_what_was_not_is_not() {
    let disk = SimDisk::default();
    let (kept, _) = write_commits(&disk, &[1, 3, 2]);
    let (mut log, report, found) = open(&disk);
    assert_eq!((report.last_seq, report.visited, report.torn), (6, 6, None));
    assert_eq!(found, kept);
    assert_eq!(log.append(b"never committed").unwrap(), 7);
    assert_eq!(log.view().durable_seq(), 6);
    assert_eq!(open(&disk.kill()).2, kept);
}

#[test]
fn segments_follow_each_other_and_are_trimmed_from_the_front() {
    let disk = SimDisk::default();
    let (kept, _) = write_commits(&disk, &[3; 40]);
    let (log, report, found) = open(&disk);
    assert_eq!(found, kept);
    assert!(report.segments > 4);
    let view = log.view();
    assert_eq!(view.sealed_segments(), report.segments - 1);
    assert_eq!(view.trim(0).unwrap(), 0);
    assert!(view.trim(60).unwrap() > 1);
    let first = view.first_seq();
    assert!((2..=61).contains(&first));
    assert!(matches!(view.reader(first - 1), Err(JournalError::Missing { .. })));
    // Everything may go, yet the segment that is written to stays.
    drop(log);
    assert!(matches!(open_at(&disk, 1), Err(JournalError::Missing { .. })));
    let (log, _, found) = open_at(&disk, 61).unwrap();
    assert_eq!(found, kept[60..]);
    log.view().trim(u64::MAX).unwrap();
    assert_eq!((log.view().sealed_segments(), log.view().sealed_seq() + 1), (0, log.view().first_seq()));
    drop(log);
    let (mut log, ..) = open_at(&disk, 121).unwrap();
    assert_eq!(log.append(b"goes on").unwrap(), 121);
    // A snapshot that is ahead of the log means that the log was lost.
    drop(log);
    assert!(matches!(open_at(&disk, 122), Err(JournalError::Missing { last: 120, .. })));
    assert!(matches!(open_at(&SimDisk::default(), 2), Err(JournalError::Missing { .. })));
}

#[test]
fn bounds_are_kept() {
    let (mut log, ..) = open(&SimDisk::default());
    assert!(matches!(log.append(&[0; 513]), Err(JournalError::TooLarge { bytes: 513, limit: 512 })));
    assert!(matches!(log.reserve(2, 1000), Err(JournalError::TooLarge { .. })));
    assert_eq!(log.append(&[0; 512]).unwrap(), 1);
    assert!(matches!(log.append(&[0; 512]), Err(JournalError::TooLarge { .. })));
    assert_eq!(log.commit().unwrap(), 1);
    assert_eq!(log.commit().unwrap(), 1);
    let tight = Options { segment_bytes: 500, ..options() };
    assert!(Log::open(Arc::new(SimDisk::default()), &tight, 1, |_, _| Ok(())).is_err());
}

#[test]
fn a_reader_follows_the_writer_and_never_passes_it() {
    const RECORDS: u64 = 3000;
    let disk = SimDisk::default();
    let (mut log, ..) = open(&disk);
    let view = log.view().clone();
    let mut tail = view.reader(1).unwrap();
    assert!(tail.next().unwrap().is_none());
    assert!(view.reader(2).is_err());
    let following = thread::spawn(move || {
        while tail.seq() <= RECORDS {
            match tail.next().unwrap() {
                Some((seq, found)) => {
                    assert_eq!(found, payload(seq));
                    assert!(seq <= view.durable_seq());
                }
                None => thread::yield_now(),
            }
        }
    });
    while log.next_seq() <= RECORDS {
        for _ in 0..1 + log.next_seq() % 4 {
            log.append(&payload(log.next_seq())).unwrap();
        }
        log.commit().unwrap();
    }
    following.join().unwrap();
    for from in [1, 2, RECORDS / 2, RECORDS, log.next_seq()] {
        let mut reader = log.view().reader(from).unwrap();
        assert_eq!(reader.seq(), from);
        assert_eq!(reader.next().unwrap().map(|(seq, _)| seq), (from < log.next_seq()).then_some(from));
    }
}

fn real(dir: &Path) -> Result<(Log, RecoveryReport)> {
    let options = Options { background: true, ..options() };
    Log::open(Arc::new(RealDisk::open(dir)?), &options, 1, |seq, found| {
        assert_eq!(found, payload(seq));
        Ok(())
    })
}

#[test]
fn a_directory_holds_the_log_and_lets_one_in() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("journal");
    let (mut log, _) = real(&dir).unwrap();
    assert!(matches!(real(&dir), Err(JournalError::Locked { .. })));
    assert!(matches!(RealDisk::open_read_only(&dir), Err(JournalError::Locked { .. })));
    for seq in 1..=100 {
        log.append(&payload(seq)).unwrap();
        log.commit().unwrap();
    }
    let mut reader = log.view().reader(50).unwrap();
    assert_eq!(reader.next().unwrap(), Some((50, &payload(50)[..])));
    assert!(log.view().trim(10).unwrap() == 0 || log.view().first_seq() <= 11);
    drop((log, reader));
    let disk = RealDisk::open_read_only(&dir).unwrap();
    let beside = RealDisk::open_read_only(&dir).unwrap();
    assert!(matches!(real(&dir), Err(JournalError::Locked { .. })));
    assert_eq!(verify(&disk, 0, |_, _| Ok(())).unwrap().last_seq, 100);
    assert!(disk.remove("segment-0000000001.log").is_err());
    assert!(disk.create("other", b"", 8).is_err());
    assert!(disk.open("segment-0000000001.log", Access::Write).is_err());
    drop((disk, beside));
    std::fs::write(dir.join("segment-0000000099.log.tmp"), b"unfinished").unwrap();
    assert_eq!(real(&dir).unwrap().1.last_seq, 100);
    assert!(!dir.join("segment-0000000099.log.tmp").exists());
}

#[test]
fn a_file_is_replaced_whole_or_not_at_all() {
    let home = tempfile::tempdir().unwrap();
    let disk = RealDisk::open(home.path()).unwrap();
    disk.replace("cursor", &mut |file| file.write_all(b"41")).unwrap();
    disk.replace("cursor", &mut |file| file.write_all(b"42")).unwrap();
    assert_eq!(disk.read("cursor").unwrap(), b"42");
    let failed = disk.replace("cursor", &mut |file| {
        file.write_all(b"half")?;
        Err(std::io::Error::other("stopped"))
    });
    assert!(failed.is_err());
    assert_eq!(disk.read("cursor").unwrap(), b"42");
    assert_eq!(disk.list().unwrap().len(), 2);
}
