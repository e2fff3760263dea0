//! What the day left on disks: every file of the workstation and the server's database.

use std::path::{Path, PathBuf};

use super::{CANARIES, Tour};
use crate::TourError;

pub(super) async fn no_canary_lies_open(tour: &mut Tour) -> Result<(), TourError> {
    tour.begin("w2: no canary lies open on the workstation");
    let mut files = Vec::new();
    collect(tour.workstation_folder(), &mut files)?;
    if !files.iter().any(|file| file.ends_with("cache.db")) {
        return Err(tour
            .window()?
            .broken("the profile's cache is not where it is searched for"));
    }
    for file in &files {
        if let Some(canary) = readable_canary(&std::fs::read(file)?) {
            let place = file.display();
            return Err(tour
                .window()?
                .broken(format!("{canary:?} lies open in {place}")));
        }
    }
    tour.begin("v1: no canary lies open on the server");
    let dump = tour.clinic.dump()?;
    if !dump.contains("resource_version") {
        return Err(tour.window()?.broken("the dump of the database is empty"));
    }
    for (place, text) in [
        ("the database", dump.into_bytes()),
        ("the server's log", std::fs::read(tour.clinic.log())?),
    ] {
        if let Some(canary) = readable_canary(&text) {
            return Err(tour
                .window()?
                .broken(format!("{canary:?} lies open in {place}")));
        }
    }
    println!("          {} files searched", files.len());
    Ok(())
}

/// The first canary that can be read in `bytes`, as UTF-8, UTF-16 or base64.
fn readable_canary(bytes: &[u8]) -> Option<&'static str> {
    let canaries = [
        CANARIES.family,
        CANARIES.reason,
        CANARIES.given,
        CANARIES.ssn,
        "987654329",
        CANARIES.mrn,
        "Wheeze clears",
        "Ankle swollen",
        "Signed while off line",
    ];
    canaries.into_iter().find(|canary| {
        let utf8 = canary.as_bytes().to_vec();
        let little: Vec<u8> = canary.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = canary.encode_utf16().flat_map(u16::to_be_bytes).collect();
        [utf8, little, big]
            .iter()
            .any(|needle| memchr::memmem::find(bytes, needle).is_some())
    })
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(&entry.path(), files)?;
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::readable_canary;

    #[test]
    fn a_canary_is_seen_in_each_encoding() {
        assert_eq!(readable_canary(b"..Quillfeather.."), Some("Quillfeather"));
        let utf16: Vec<u8> = "Zephyrina"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(readable_canary(&utf16), Some("Zephyrina"));
        assert_eq!(readable_canary(b"nothing of the kind"), None);
    }
}
