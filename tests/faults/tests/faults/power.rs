//! The power goes while the cache is written, on a disk that forgets what was not synced.

use std::path::{Path, PathBuf};
use std::process::Command;

use faults::chance::Chance;
use faults::scribe::{Expected, Scribe, Word};

use crate::courses::Courses;
use crate::process::{Process, json};

/// Cuts of one course: each goes on from what the one before left.
const CUTS: u64 = 10;

/// A mounted disk with its process.
struct Mount {
    folder: PathBuf,
    process: Option<Process<String>>,
}

impl Mount {
    /// Where the machine lets nobody mount one, says why.
    fn new(folder: &Path, image: &Path, seed: u64, after: u64) -> Result<Self, String> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_faults-disk"));
        command.arg(folder).arg(image);
        command.args([seed.to_string(), after.to_string()]);
        let process = Process::start(&mut command, str::to_owned);
        match process.hear().as_deref() {
            Some("mounted") => Ok(Self {
                folder: folder.to_owned(),
                process: Some(process),
            }),
            other => Err(other.unwrap_or("it ended").to_owned()),
        }
    }

    /// Puts what outlived the cut into the image.
    fn cut(mut self) {
        if let Some(process) = self.process.take() {
            process.finish();
        }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if self.process.take().is_some() {
            // A test that failed: its disk must not stay.
            let _ = Command::new("umount").arg("-l").arg(&self.folder).output();
        }
    }
}

#[test]
fn s4_w8_what_was_acknowledged_outlives_a_power_cut() {
    let (mut cuts, mut words) = (0, 0);
    Courses::of("power", "ROUNDS_FAULTS_CUTS", 3).run(|seed| {
        let place = tempfile::tempdir().unwrap();
        let (folder, image) = (place.path().join("mount"), place.path().join("image"));
        std::fs::create_dir(&folder).unwrap();
        std::fs::create_dir(&image).unwrap();
        Scribe::create(&image.join("cache.db")).unwrap();
        let mut chance = Chance::new(seed);
        let mut expected = Expected::default();
        for cut in 0..CUTS {
            // Some in the middle of opening, most while writing, some of them in a checkpoint.
            let after = match chance.below(8) {
                0 => chance.below(12),
                1 => 2_000 + chance.below(8_000),
                _ => chance.below(600),
            };
            let mount = match Mount::new(&folder, &image, chance.draw(), after) {
                Ok(mount) => mount,
                Err(reason) => {
                    println!("skipped: this machine mounts no disk of ours: {reason}");
                    return Ok(None);
                }
            };
            let so_far = expected.so_far();
            let mut command = Command::new(env!("CARGO_BIN_EXE_faults-scribe"));
            command.arg(folder.join("cache.db"));
            command.args([chance.draw(), so_far.puts, so_far.pages].map(|n| n.to_string()));
            let scribe = Process::<Word>::start(&mut command, json);
            while let Some(word) = scribe.hear() {
                words += 1;
                expected.hear(word);
            }
            drop(scribe);
            mount.cut();
            cuts += 1;
            // Looked at as a copy: looking must not mend what the next cut finds.
            let copy = tempfile::tempdir().unwrap();
            for file in std::fs::read_dir(&image).unwrap() {
                let file = file.unwrap();
                std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
            }
            expected
                .check(&copy.path().join("cache.db"))
                .map_err(|what| format!("cut {cut} after {after}: {what}"))?;
        }
        Ok(Some(format!("{cuts} power cuts, {words} words")))
    });
    if cuts == 0 {
        return;
    }
    println!("{cuts} power cuts, {words} words");
    assert!(words > cuts * 4, "too little was done to be lost: {words}");
}
