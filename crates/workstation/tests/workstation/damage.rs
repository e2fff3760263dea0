//! A bit turned over in any page of a profile's cache: said, and put right with the server's help.

use std::path::Path;

use workstation::Workstation;
use workstation::view::Cause;
use workstation::view::note::DraftForm;
use workstation::view::session::Phase;

use crate::mock::{Bench, unlock_form};
use crate::records::clinic;

const PAGE: usize = 4096;

/// What a person would look at once all has come to rest; the code of the fault that was met, if one was.
async fn look(station: &Workstation) -> Result<Option<String>, String> {
    station
        .settled(std::time::Duration::from_secs(60))
        .await
        .map_err(|fault| fault.code)?;
    for patient in ["p1", "p2"] {
        station
            .open_chart(patient.into(), Cause::Opened)
            .await
            .map_err(|fault| fault.code)?;
    }
    station
        .find_patients("o".into(), 20)
        .await
        .map_err(|fault| fault.code)?;
    let draft = station
        .draft("p1".into())
        .await
        .map_err(|fault| fault.code)?;
    Ok(draft.map(|draft| draft.subjective))
}

/// A locked workstation with a draft that the server does not have.
async fn left_off_line() -> Bench {
    let bench = Bench::enrolled(clinic()).await;
    bench.server.be_reachable(false);
    let draft = DraftForm {
        id: None,
        patient: "p1".into(),
        subjective: "the only copy".into(),
        objective: String::new(),
        assessment: String::new(),
        plan: String::new(),
    };
    bench.workstation.keep_draft(draft).await.unwrap();
    bench.workstation.lock().await.unwrap();
    bench.server.be_reachable(true);
    bench
}

fn is_put_aside(profile: &Path) -> bool {
    std::fs::read_dir(profile).unwrap().any(|entry| {
        let name = entry.unwrap().file_name();
        name.to_string_lossy().starts_with("cache.db.aside-")
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_page_anywhere_is_said_and_everything_is_there_again() {
    let (mut met, mut kept, mut page, mut pages) = (0, 0, 0, 1);
    while page < pages {
        let bench = left_off_line().await;
        let station = &bench.workstation;
        let file = bench.profile().join("cache.db");
        let mut bytes = std::fs::read(&file).unwrap();
        pages = bytes.len() / PAGE;
        bytes[page * PAGE + (page * 37) % PAGE] ^= 1 << (page % 8);
        std::fs::write(&file, &bytes).unwrap();
        let unlock = || station.unlock(unlock_form("ada", "right"));
        // Either the damage lies where nobody looks, or it is met while opening or working; then
        // this unlocking or the next one puts a fresh cache in its place.
        let first = match unlock().await {
            Ok(_) => look(station).await,
            Err(fault) => Err(fault.code),
        };
        let draft = match first {
            Ok(draft) => draft,
            Err(code) => {
                assert_eq!(code, "cache-corrupt", "page {page}");
                station.lock().await.unwrap();
                let view = unlock()
                    .await
                    .unwrap_or_else(|fault| panic!("page {page}: {fault:?}"));
                assert_ne!(view.phase, Phase::Locked);
                let draft = look(station)
                    .await
                    .unwrap_or_else(|code| panic!("page {page}: {code} after unlocking again"));
                assert!(is_put_aside(&bench.profile()), "page {page} is not kept");
                draft
            }
        };
        if is_put_aside(&bench.profile()) {
            met += 1;
        }
        if let Some(text) = draft {
            assert_eq!(text, "the only copy", "page {page}");
            kept += 1;
        }
        page += 3;
    }
    assert!(met > 2, "damage was met {met} times in {pages} pages");
    assert!(kept > 2, "{kept} drafts are there, in {pages} pages");
}
