//! The disk is full, has room again, and is full again, under one open cache.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use cache::StoreError;
use faults::chance::Chance;
use faults::scribe::{Expected, Scribe, Word};

use crate::courses::Courses;

/// A disk of its own, as small as wanted. Needs the right to mount.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(kib: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={kib}k"), "tmpfs"])
            .arg(folder.path())
            .output()
            .is_ok_and(|output| output.status.success());
        mounted.then_some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).output();
    }
}

/// Leaves so much room, or as much as there is.
fn fill(file: &Path, disk: &Path, leave: u64) {
    let _ = std::fs::remove_file(file);
    let facts = nix::sys::statvfs::statvfs(disk).unwrap();
    let free = facts.blocks_available() * facts.fragment_size();
    let mut file = std::fs::File::create(file).unwrap();
    let mut left = free.saturating_sub(leave);
    while left >= 4096 && file.write_all(&[1; 4096]).is_ok() {
        left -= 4096;
    }
}

#[test]
fn s4_a_disk_that_is_full_again_and_again_costs_nothing_that_was_acknowledged() {
    let (mut times, mut deeds) = (0, 0);
    Courses::of("full", "ROUNDS_FAULTS_FULL", 8).run(|seed| {
        let Some(disk) = SmallDisk::mount(8192) else {
            println!("skipped: this machine lets nobody mount a small disk");
            return Ok(None);
        };
        let (cache, filler) = (disk.path().join("cache.db"), disk.path().join("filler"));
        Scribe::create(&cache).unwrap();
        let mut chance = Chance::new(seed);
        let mut expected = Expected::default();
        let mut scribe = Scribe::open(&cache, seed, expected.so_far()).unwrap();
        for round in 0..12 {
            fill(&filler, disk.path(), chance.below(400_000));
            let mut refused = 0;
            for _ in 0..60 {
                let deed = scribe.choose();
                expected.hear(Word::Begin(deed.clone()));
                deeds += 1;
                match scribe.act(&deed) {
                    Ok(()) => expected.hear(Word::Done),
                    Err(StoreError::DiskFull) => {
                        refused += 1;
                        times += 1;
                        if refused > 3 {
                            break;
                        }
                    }
                    Err(error) => return Err(format!("round {round}: {error:?}")),
                }
            }
            let _ = std::fs::remove_file(&filler);
            expected
                .check(&cache)
                .map_err(|what| format!("round {round}: {what}"))?;
            scribe.go_on(expected.so_far());
        }
        Ok(Some(format!("{times} times full, {deeds} deeds")))
    });
    if deeds == 0 {
        return;
    }
    println!("{times} times full, {deeds} deeds");
    assert!(times > 0, "the disk was never full");
}
