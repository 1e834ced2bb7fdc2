//! Cuts, flips and losses: behind everybody's back.

use super::*;

fn place(error: JournalError) -> (String, u64) {
    match error {
        JournalError::Damaged { segment, offset, .. } => (segment, offset),
        other => panic!("{other}"),
    }
}

#[test]
fn a_log_cut_anywhere_gives_a_prefix() {
    let disk = SimDisk::default();
    let (kept, frames) = write_commits(&disk, &[1, 2, 1, 3]);
    for cut in frames[0].1..frames[3].1 + frames[3].2 {
        for shorten in [false, true] {
            let copy = disk.copy();
            copy.damage(&frames[0].0, |bytes| {
                bytes[cut as usize..].fill(0);
                bytes.truncate(if shorten { cut as usize } else { bytes.len() });
            });
            copy.remove(&segment::name(2)).unwrap();
            // Zeros written over a frame's padding change nothing.
            let intact = |(segment, offset, len): &&(String, u64, u64)| {
                let end = (offset + len) as usize;
                end as u64 <= cut
                    || !shorten && disk.read(segment).unwrap()[cut as usize..end].iter().all(|byte| *byte == 0)
            };
            let whole = frames.iter().filter(intact).count();
            let records = [0, 1, 3, 4, 7][whole];
            let (mut log, report, found) = open(&copy);
            assert_eq!(found, kept[..records], "cut at {cut}");
            let torn = report.torn.map(|torn| (torn.offset, torn.offset + torn.bytes));
            let end = frames.get(whole).map_or(cut, |(_, offset, _)| *offset);
            assert!(torn.is_none_or(|(from, to)| from == end && to <= cut), "cut at {cut}: {torn:?}");
            assert_eq!(torn.is_none(), cut <= end, "cut at {cut}");
            // The tail is clean, and the log goes on.
            assert_eq!(read_all(&copy).unwrap().0.torn, None);
            assert_eq!(copy.read(&frames[0].0).unwrap().len() as u64, SEGMENT_BYTES);
            log.append(b"after").unwrap();
            log.commit().unwrap();
            assert_eq!(read_all(&copy).unwrap().1.len(), records + 1);
        }
    }
}

#[test]
fn a_flipped_bit_before_the_tail_is_refused_and_named() {
    let disk = SimDisk::default();
    let (kept, frames) = write_commits(&disk, &[3; 12]);
    let (last_segment, last_offset, last_len) = frames[frames.len() - 1].clone();
    assert!(frames[0].0 < last_segment);
    for file in disk.list().unwrap() {
        for at in 0..SEGMENT_BYTES {
            let copy = disk.copy();
            copy.damage(&file, |bytes| bytes[at as usize] ^= 1 << (at % 8));
            let found = read_all(&copy);
            let hit = frames.iter().find(|(segment, from, len)| *segment == file && (*from..from + len).contains(&at));
            match hit {
                Some((_, offset, _)) if (&file, *offset) == (&last_segment, last_offset) => {
                    let (report, found) = found.unwrap();
                    let torn = report.torn.unwrap();
                    assert_eq!((&torn.segment, torn.offset), (&file, last_offset));
                    assert!(torn.bytes <= last_len && torn.bytes > last_len - 8);
                    assert_eq!(found, kept[..33]);
                }
                Some((_, offset, _)) => assert_eq!(place(found.unwrap_err()), (file.clone(), *offset), "{file} {at}"),
                None if at < 40 => assert_eq!(place(found.unwrap_err()), (file.clone(), 0), "{file} {at}"),
                // Unused space holds no record: that nothing is missing is shown by the sequence numbers.
                None => assert_eq!(found.unwrap().1, kept, "{file} {at}"),
            }
        }
    }
}

#[test]
fn lost_pages_and_files_before_the_tail_are_refused_and_named() {
    let disk = SimDisk::default();
    let (_, frames) = write_commits(&disk, &[3; 20]);
    for (segment, offset, len) in &frames[..frames.len() - 1] {
        let copy = disk.copy();
        copy.damage(segment, |bytes| bytes[*offset as usize..(offset + len) as usize].fill(0));
        assert_eq!(place(read_all(&copy).unwrap_err()), (segment.clone(), *offset));
    }
    let copy = disk.copy();
    copy.remove(&segment::name(2)).unwrap();
    assert_eq!(place(read_all(&copy).unwrap_err()), (segment::name(2), 0));
    // Without its beginning the log is whole in itself, but not for somebody who needs the beginning.
    let copy = disk.copy();
    copy.remove(&segment::name(1)).unwrap();
    assert!(matches!(open_at(&copy, 1), Err(JournalError::Missing { wanted: 1, .. })));
    // A segment of another log.
    let other = SimDisk::default();
    let stranger = Options { epoch: 8, ..options() };
    drop(Log::open(Arc::new(other.clone()), &stranger, 1, |_, _| Ok(())).unwrap());
    disk.damage(&segment::name(2), |bytes| *bytes = other.read(&segment::name(2)).unwrap());
    assert_eq!(place(read_all(&disk).unwrap_err()), (segment::name(2), 0));
}

#[test]
fn a_record_that_its_owner_refuses_is_named() {
    let disk = SimDisk::default();
    let (_, frames) = write_commits(&disk, &[1, 2]);
    let refused = verify(&disk, 0, |seq, _| if seq == 3 { Err("nonsense".into()) } else { Ok(()) });
    let Err(JournalError::Rejected { seq: 3, offset, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(offset, frames[1].1);
}

#[test]
fn a_reader_names_damage() {
    let disk = SimDisk::default();
    let (mut log, ..) = open(&disk);
    log.append(&payload(1)).unwrap();
    log.commit().unwrap();
    disk.damage(&segment::name(1), |bytes| bytes[70] ^= 1);
    let mut reader = log.view().reader(1).unwrap();
    assert_eq!(place(reader.next().unwrap_err()), (segment::name(1), 40));
}

/// Bytes of the first release's segment and snapshot: their checksums hold.
#[test]
fn what_another_release_wrote_is_no_damage() {
    let segment: Vec<u8> = [
        &b"LIVEROOM"[..],
        &[1, 0, 0, 0, 0xed, 0x75, 0x05, 0xb7],
        &7_u64.to_le_bytes(),
        &1_u64.to_le_bytes(),
        &SEGMENT_BYTES.to_le_bytes(),
        &[0; 984],
    ]
    .concat();
    let snapshot: Vec<u8> =
        [&b"LIVESNAP"[..], &[1, 0, 0, 0, 0x43, 0xc3, 0xf8, 0x6f], &9_u64.to_le_bytes(), &[0; 8]].concat();
    let before = |file: &str, bytes: &[u8]| {
        let disk = SimDisk::default();
        disk.replace(file, &mut |file| file.write_all(bytes)).unwrap();
        disk
    };
    let started = |disk: &SimDisk| open_at(disk, 1).map(|_| ()).unwrap_err().to_string();
    let recovered = |disk: &SimDisk| snapshot::newest(disk, |seq, _| Ok(seq)).map(|_| ()).unwrap_err().to_string();
    let (log, snap) = ("segment-0000000001.log", "snapshot-00000000000000000009.snap");
    for (what, file, said) in
        [("a segment", log, started(&before(log, &segment))), ("a snapshot", snap, recovered(&before(snap, &snapshot)))]
    {
        let want = format!("{file} is of another release: its format is version 1, this one reads version 3");
        assert_eq!(said, want, "{what}");
    }
}
