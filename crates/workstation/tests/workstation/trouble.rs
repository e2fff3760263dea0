//! Damaged files, full disks, bad input at the door.

use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::process::Command;

use workstation::view::Cause;
use workstation::view::note::DraftForm;
use workstation::view::session::{EnrolForm, Phase};

use crate::mock::{Bench, SERVER, enrol_form, station, unlock_form};
use crate::records::clinic;

fn draft(text: &str) -> DraftForm {
    DraftForm {
        id: None,
        patient: "p1".into(),
        subjective: text.into(),
        objective: String::new(),
        assessment: String::new(),
        plan: String::new(),
    }
}

fn damage(cache: &Path) {
    let mut file = std::fs::OpenOptions::new().write(true).open(cache).unwrap();
    file.seek(SeekFrom::Start(100)).unwrap();
    file.write_all(&[0x5a; 2000]).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_cache_waits_for_the_server_and_is_never_deleted() {
    let bench = Bench::enrolled(clinic()).await;
    bench.workstation.lock().await.unwrap();
    let profile = bench.profile();
    damage(&profile.join("cache.db"));
    let broken = std::fs::read(profile.join("cache.db")).unwrap();
    bench.server.be_reachable(false);
    let fault = bench
        .workstation
        .unlock(unlock_form("ada", "right"))
        .await
        .unwrap_err();
    assert_eq!(fault.code, "cache-corrupt");
    assert_eq!(std::fs::read(profile.join("cache.db")).unwrap(), broken);

    bench.server.be_reachable(true);
    bench
        .workstation
        .unlock(unlock_form("ada", "right"))
        .await
        .unwrap();
    bench.settle().await;
    let notice = bench.workstation.sync_view().await.unwrap().fault.unwrap();
    assert_eq!(notice.code, "cache-set-aside");
    bench
        .workstation
        .open_chart("p1".into(), Cause::Opened)
        .await
        .unwrap();
    let aside: Vec<_> = std::fs::read_dir(&profile)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("cache.db.aside-"))
        .collect();
    assert_eq!(aside.len(), 1);
    assert_eq!(std::fs::read(&aside[0]).unwrap(), broken);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_read_of_a_damaged_cache_is_carried_over() {
    let bench = Bench::enrolled(clinic()).await;
    bench.server.be_reachable(false);
    bench
        .workstation
        .keep_draft(draft("the only copy"))
        .await
        .unwrap();
    bench.workstation.lock().await.unwrap();
    // A session that meets a damaged page leaves this mark.
    std::fs::write(bench.profile().join("damaged"), b"").unwrap();
    bench.server.be_reachable(true);
    bench
        .workstation
        .unlock(unlock_form("ada", "right"))
        .await
        .unwrap();
    bench.settle().await;
    let kept = bench.workstation.draft("p1".into()).await.unwrap().unwrap();
    assert_eq!(kept.subjective, "the only copy");
    let sealed: Vec<_> = std::fs::read_dir(bench.profile())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "sealed")
        })
        .collect();
    assert_eq!(sealed.len(), 1);
    let text = std::fs::read(&sealed[0]).unwrap();
    assert!(!text.windows(13).any(|window| window == b"the only copy"));
    assert!(!bench.profile().join("damaged").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_slots_are_said_and_kept() {
    let bench = Bench::enrolled(clinic()).await;
    bench.workstation.lock().await.unwrap();
    let slots = bench.profile().join("slots.json");
    std::fs::write(&slots, b"{").unwrap();
    let fault = bench
        .workstation
        .unlock(unlock_form("ada", "right"))
        .await
        .unwrap_err();
    assert_eq!(fault.code, "profile-damaged");
    assert_eq!(std::fs::read(&slots).unwrap(), b"{");
    let fault = bench
        .workstation
        .unlock(unlock_form("nobody", "right"))
        .await
        .unwrap_err();
    assert_eq!(fault.code, "profile-missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_at_the_door_is_named() {
    let bench = Bench::new(clinic());
    let form = |server: &str, username: &str, code: &str| EnrolForm {
        server: server.into(),
        username: username.into(),
        password: "right".into(),
        code: code.into(),
        organisation: false,
    };
    for (form, field) in [
        (form("http://clinic.example", "ada", "123456"), "server"),
        (form(SERVER, " ", "123456"), "username"),
        (form(SERVER, "ada", "12345"), "code"),
        (form(SERVER, "ada", "12345x"), "code"),
    ] {
        let fault = bench.workstation.enrol(form).await.unwrap_err();
        assert_eq!(
            (fault.code.as_str(), fault.field.as_deref()),
            ("invalid", Some(field))
        );
    }
    let fault = bench
        .workstation
        .enrol(enrol_form("ada", "wrong"))
        .await
        .unwrap_err();
    assert_eq!(fault.code, "credentials-wrong");
    bench.server.be_reachable(false);
    let fault = bench
        .workstation
        .enrol(enrol_form("ada", "right"))
        .await
        .unwrap_err();
    assert_eq!(fault.code, "server-offline");
    assert_eq!(
        bench.workstation.session_view().await.unwrap().phase,
        Phase::FirstStart
    );
}

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
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).output();
    }
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_and_what_was_there_stays() {
    let Some(disk) = SmallDisk::mount(4096) else {
        eprintln!("skipped: this machine lets nobody mount a small disk");
        return;
    };
    let bench = Bench::new(clinic());
    let station = station(disk.0.path(), &bench.keychain, &bench.clock, &bench.server);
    station.enrol(enrol_form("ada", "right")).await.unwrap();
    station
        .settled(std::time::Duration::from_secs(60))
        .await
        .unwrap();
    let kept = station
        .keep_draft(draft("before the disk was full"))
        .await
        .unwrap();
    // Fill what is left.
    let mut filler = std::fs::File::create(disk.0.path().join("filler")).unwrap();
    while filler.write_all(&[1; 4096]).is_ok() {}
    let big = "x".repeat(90_000);
    let fault = loop {
        // The log has some room of its own; a few large drafts use it up.
        match station
            .keep_draft(DraftForm {
                patient: "p2".into(),
                ..draft(&big)
            })
            .await
        {
            Ok(_) => {}
            Err(fault) => break fault,
        }
    };
    assert_eq!(fault.code, "disk-full");
    assert!(!fault.act.is_empty());
    drop(filler);
    std::fs::remove_file(disk.0.path().join("filler")).unwrap();
    let again = station.draft("p1".into()).await.unwrap().unwrap();
    assert_eq!(
        (again.id, again.subjective.as_str()),
        (kept.id, "before the disk was full")
    );
    station.keep_draft(draft("after")).await.unwrap();
    station.lock().await.unwrap();
}
