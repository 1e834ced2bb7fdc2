//! The journal is not what it was: a torn end is cut off and said, anything else refuses the start and is named.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::crowd::{Crowd, acks, same_answers, ticket};
use crate::served::process::{Start, audit};
use crate::served::{rain, run, sale};

fn segment(dir: &Path) -> PathBuf {
    let files = fs::read_dir(dir.join("data/journal")).unwrap().map(|entry| entry.unwrap().path());
    let mut segments: Vec<_> = files
        .filter(|path| {
            path.file_name().unwrap().to_str().unwrap().contains('1') && path.metadata().unwrap().len() > 1 << 20
        })
        .collect();
    segments.sort();
    segments.remove(0)
}

#[test]
fn a_torn_end_is_cut_off_and_a_flipped_bit_refuses_the_start() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let server = Start::new().run(dir.path());
        server.furnish().await;
        let (sold, rained) = (server.open(sale(1_000_000, 5)).await, server.open(rain(1_000)).await);
        let (sale, rain) = (ticket(&server, sold).await, ticket(&server, rained).await);
        let crowd = Crowd::gather(&[&server], 4, sale, rain);
        crowd.more(40).await;
        let told = crowd.disperse().await;
        let at = server.at;
        server.kill();

        let path = segment(dir.path());
        let whole = fs::read(&path).unwrap();
        let end = whole.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();

        // A part of a commit that nobody was told of, behind the last that they were: which ends in a few zeros of its own. Not as
        // it stands elsewhere: that might be a whole frame, and a log with a whole frame behind its end is damaged, not torn.
        let torn: Vec<u8> = whole[end / 2..end / 2 + 300].iter().map(|byte| !byte).collect();
        file.write_all_at(&torn, (end as u64 + 64).next_multiple_of(8)).unwrap();
        let server = Start::new().at(at).run(dir.path());
        assert!(server.log().contains("a torn commit was cut off"), "{}", server.log());
        same_answers(&server, &told).await;
        server.kill();

        // One bit, early and late in what was acknowledged.
        for offset in [100, end / 2, end - 400] {
            let now = fs::read(&path).unwrap();
            file.write_all_at(&[now[offset] ^ 4], offset as u64).unwrap();
            let (status, said) = Start::new().at(at).fail(dir.path());
            assert_eq!(status.code(), Some(1), "bit at {offset}: {said}");
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(said.contains(&format!("{name} is damaged at offset ")), "bit at {offset}: {said}");
            file.write_all_at(&now[offset..=offset], offset as u64).unwrap();
        }
        let server = Start::new().at(at).run(dir.path());
        same_answers(&server, &told).await;
        assert!(server.stop().success());
        audit(dir.path(), &acks(&told));
    });
}
