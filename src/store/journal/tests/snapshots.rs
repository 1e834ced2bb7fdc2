//! Snapshots: which are kept, and which are believed.

use std::io::Read;

use super::*;

fn write_snapshot(disk: &SimDisk, seq: u64, content: &[u8]) -> u64 {
    snapshot::write(disk, seq, &mut |file| content.chunks(1000).try_for_each(|part| file.write_all(part))).unwrap()
}

fn newest_snapshot(disk: &SimDisk) -> snapshot::Found<Vec<u8>> {
    let decode = |_, content: &mut dyn Read| {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).map(|_| bytes)
    };
    snapshot::newest(disk, decode).unwrap()
}

#[test]
fn the_newest_two_snapshots_are_kept_and_the_newest_is_read() {
    let disk = SimDisk::default();
    assert_eq!(newest_snapshot(&disk).snapshot, None);
    let large: Vec<u8> = (0..700_000_u32).map(|n| (n % 251) as u8).collect();
    assert_eq!(write_snapshot(&disk, 10, b""), 0);
    assert_eq!(newest_snapshot(&disk).snapshot, Some((10, Vec::new())));
    assert_eq!(write_snapshot(&disk, 20, &large), 10);
    assert_eq!(write_snapshot(&disk, 30, b"small"), 20);
    assert_eq!(disk.list().unwrap().len(), 2);
    assert_eq!(newest_snapshot(&disk).snapshot, Some((30, b"small".to_vec())));
    disk.remove("snapshot-00000000000000000030.snap").unwrap();
    assert!(newest_snapshot(&disk).snapshot == Some((20, large)));
}

#[test]
fn a_snapshot_that_does_not_hold_is_passed_over_and_named() {
    const NEWEST: &str = "snapshot-00000000000000000020.snap";
    let disk = SimDisk::default();
    write_snapshot(&disk, 10, b"older");
    write_snapshot(&disk, 20, b"the newest of them");
    let len = disk.read(NEWEST).unwrap().len();
    for at in 0..len {
        let (flipped, cut, longer) = (disk.copy(), disk.copy(), disk.copy());
        flipped.damage(NEWEST, |bytes| bytes[at] ^= 1 << (at % 8));
        cut.damage(NEWEST, |bytes| bytes.truncate(at));
        longer.damage(NEWEST, |bytes| bytes.extend_from_slice(&vec![0; at + 1]));
        for copy in [flipped, cut, longer] {
            let found = newest_snapshot(&copy);
            assert_eq!(found.snapshot, Some((10, b"older".to_vec())));
            assert_eq!(found.rejected.len(), 1);
            assert_eq!(found.rejected[0].name, NEWEST);
        }
    }
    // A decoder that does not read to the end is not fooled either.
    disk.damage(NEWEST, |bytes| bytes[len - 1] ^= 1);
    assert_eq!(snapshot::newest(&disk, |seq, _| Ok(seq)).unwrap().snapshot, Some((10, 10)));
}
