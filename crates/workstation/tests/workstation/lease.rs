//! How long work goes on without the server.

use std::time::Duration;

use jiff::SignedDuration;
use protocol::fault::Code;
use workstation::view::Cause;
use workstation::view::note::DraftForm;
use workstation::view::session::{LeaseState, Phase};

use crate::mock::{Bench, enrol_form, unlock_form};
use crate::records::clinic;

const HOUR: i64 = 3600;

fn hours(hours: i64) -> Duration {
    SignedDuration::from_hours(hours).unsigned_abs()
}

impl Bench {
    async fn unlocks(&self) -> Result<Phase, String> {
        let form = unlock_form("ada", "right");
        match self.workstation.unlock(form).await {
            Ok(view) => {
                assert_eq!(view.notice, None);
                Ok(view.phase)
            }
            Err(fault) => Err(fault.code),
        }
    }

    async fn off_line_and_locked() -> Self {
        let bench = Self::enrolled(clinic()).await;
        bench.server.be_reachable(false);
        let draft = DraftForm {
            id: None,
            patient: "p1".into(),
            subjective: "never sent".into(),
            objective: String::new(),
            assessment: String::new(),
            plan: String::new(),
        };
        bench.workstation.keep_draft(draft).await.unwrap();
        bench.workstation.lock().await.unwrap();
        bench
    }

    async fn has_its_draft(&self) {
        let draft = self.workstation.draft("p1".into()).await.unwrap();
        assert_eq!(draft.unwrap().subjective, "never sent");
    }

    fn lease_file(&self) -> std::path::PathBuf {
        self.profile().join("lease.json")
    }
}

fn refused(code: &str) -> Result<Phase, String> {
    Err(code.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn w6_off_line_the_cache_opens_until_the_lease_ends_and_again_with_the_server() {
    let bench = Bench::off_line_and_locked().await;
    bench.clock.pass(hours(71));
    assert_eq!(bench.unlocks().await, Ok(Phase::Unlocked));
    let view = bench.workstation.sync_view().await.unwrap().lease;
    assert_eq!(view.state, LeaseState::Ending);
    assert_eq!(view.minutes_left, Some(60));
    assert_eq!(view.until.as_deref(), Some("Thu 09:30"));
    bench.workstation.lock().await.unwrap();

    bench.clock.pass(hours(1));
    let cache = std::fs::read(bench.profile().join("cache.db")).unwrap();
    assert_eq!(bench.unlocks().await, refused("lease-expired"));
    let after = std::fs::read(bench.profile().join("cache.db")).unwrap();
    assert!(cache == after, "the cache was touched");
    // A wrong password is a wrong password.
    let wrong = bench.workstation.unlock(unlock_form("ada", "wrong")).await;
    assert_eq!(wrong.unwrap_err().code, "password-wrong");

    bench.server.be_reachable(true);
    assert_eq!(bench.unlocks().await, Ok(Phase::Unlocked));
    bench.has_its_draft().await;
    let view = bench.workstation.sync_view().await.unwrap().lease;
    assert_eq!(
        (view.state, view.minutes_left),
        (LeaseState::Valid, Some(72 * 60))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn w6_every_contact_begins_the_lease_anew() {
    let bench = Bench::enrolled(clinic()).await;
    for _ in 0..4 {
        bench.workstation.note_activity().await.unwrap();
        bench.clock.pass(Duration::from_secs(500));
        bench.workstation.note_activity().await.unwrap();
        let patience = Duration::from_secs(60);
        bench.workstation.settled(patience).await.unwrap();
        let mut left = None;
        for _ in 0..2400 {
            left = bench
                .workstation
                .sync_view()
                .await
                .unwrap()
                .lease
                .minutes_left;
            if left == Some(72 * 60) {
                break;
            }
            bench.workstation.sync_now().await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(left, Some(72 * 60));
    }
    // Kept through locking and another process.
    bench.workstation.lock().await.unwrap();
    bench.server.be_reachable(false);
    bench.clock.pass(hours(71));
    let again = bench.restarted();
    again.unlock(unlock_form("ada", "right")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn w6_a_lease_that_runs_out_while_working_locks_and_keeps_what_is_unsent() {
    let bench = Bench::new(clinic());
    bench.server.keys.lock().unwrap().lease = SignedDuration::from_mins(8);
    let station = &bench.workstation;
    station.enrol(enrol_form("ada", "right")).await.unwrap();
    bench.settle().await;
    bench.server.be_reachable(false);
    let mut form = station.patient_form("p1".into()).await.unwrap();
    form.phone = "555-7777".into();
    station.save_patient(form).await.unwrap();
    bench.clock.pass(Duration::from_secs(7 * 60));
    assert!(!station.lock_if_lease_ended().await);
    bench.clock.pass(Duration::from_secs(60));
    station.lock_if_lease_ended().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let view = station.session_view().await.unwrap();
    assert_eq!(view.phase, Phase::Locked);
    assert_eq!(view.notice.unwrap().code, "lease-expired");
    assert_eq!(bench.unlocks().await, refused("lease-expired"));

    bench.server.be_reachable(true);
    assert_eq!(bench.unlocks().await, Ok(Phase::Unlocked));
    bench.settle().await;
    assert_eq!(bench.server.uploads.lock().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn w6_a_clock_set_back_gains_nothing() {
    let bench = Bench::off_line_and_locked().await;
    bench.clock.pass(hours(60));
    assert_eq!(bench.unlocks().await, Ok(Phase::Unlocked));
    bench.workstation.lock().await.unwrap();
    // A correction of a minute is no fraud.
    bench.clock.set(-60);
    assert_eq!(bench.unlocks().await, Ok(Phase::Unlocked));
    bench.workstation.lock().await.unwrap();
    bench.clock.set(-HOUR);
    assert_eq!(bench.unlocks().await, refused("clock-behind"));
    // Set right again, it counts again, and only what is left.
    bench.clock.set(HOUR);
    assert_eq!(bench.unlocks().await, Ok(Phase::Unlocked));
    bench.workstation.lock().await.unwrap();
    bench.clock.set(-HOUR);
    bench.server.be_reachable(true);
    // The server answers: its time counts.
    assert_eq!(bench.unlocks().await, Ok(Phase::Unlocked));
    bench.has_its_draft().await;
    assert!(!bench.workstation.lock_if_lease_ended().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn w6_a_clock_set_back_while_working_locks() {
    let bench = Bench::enrolled(clinic()).await;
    bench.server.be_reachable(false);
    let station = &bench.workstation;
    bench.clock.pass(Duration::from_secs(300));
    assert!(!station.lock_if_lease_ended().await);
    bench.clock.set(-200);
    station.lock_if_lease_ended().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let view = station.session_view().await.unwrap();
    assert_eq!(view.phase, Phase::Locked);
    assert_eq!(view.notice.unwrap().code, "clock-behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn w6_a_clock_set_forward_uses_the_lease_up() {
    let bench = Bench::off_line_and_locked().await;
    bench.clock.set(100 * HOUR);
    assert_eq!(bench.unlocks().await, refused("lease-expired"));
    // What was seen was seen, though nothing was opened.
    bench.clock.set(-100 * HOUR);
    assert_eq!(bench.unlocks().await, refused("clock-behind"));
    bench.server.be_reachable(true);
    assert_eq!(bench.unlocks().await, Ok(Phase::Unlocked));
    bench.server.be_reachable(false);
    bench.clock.set(71 * HOUR);
    bench.workstation.lock_if_lease_ended().await;
    bench.workstation.lock().await.unwrap();
    bench.clock.set(-71 * HOUR);
    assert_eq!(bench.unlocks().await, refused("clock-behind"));
}

#[tokio::test(flavor = "multi_thread")]
async fn w6_a_changed_a_missing_and_a_foreign_file_count_for_nothing() {
    let bench = Bench::off_line_and_locked().await;
    let right = std::fs::read_to_string(bench.lease_file()).unwrap();
    let others = [
        right.replace("2026-01-05T14", "2026-01-04T14"),
        right.replace("\"format\": 1", "\"format\": 2"),
        right.replace("\"signature\": \"", "\"signature\": \"00"),
        "{}".to_owned(),
        String::new(),
    ];
    bench.clock.pass(hours(1));
    for (at, changed) in others.iter().enumerate() {
        assert_ne!(*changed, right, "{at}");
        std::fs::write(bench.lease_file(), changed).unwrap();
        assert_eq!(bench.unlocks().await, refused("lease-expired"), "{at}");
    }
    std::fs::remove_file(bench.lease_file()).unwrap();
    assert_eq!(bench.unlocks().await, refused("lease-expired"));
    std::fs::write(bench.lease_file(), &right).unwrap();
    assert_eq!(bench.unlocks().await, Ok(Phase::Unlocked));
    bench.workstation.lock().await.unwrap();

    // An older file in its place: the cache knows better.
    bench.clock.pass(hours(80));
    bench.server.be_reachable(true);
    assert_eq!(bench.unlocks().await, Ok(Phase::Unlocked));
    bench.workstation.lock().await.unwrap();
    bench.server.be_reachable(false);
    bench.clock.set(-80 * HOUR);
    std::fs::write(bench.lease_file(), &right).unwrap();
    assert_eq!(bench.unlocks().await, refused("clock-behind"));
    assert_eq!(
        bench.workstation.session_view().await.unwrap().phase,
        Phase::Locked
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn w6_another_devices_and_another_users_lease_do_not_count() {
    let bench = Bench::off_line_and_locked().await;
    bench.server.be_reachable(true);
    let other = Bench::enrolled(clinic()).await;
    other.clock.pass(hours(50));
    other.workstation.note_activity().await.unwrap();
    other.workstation.lock().await.unwrap();
    other
        .workstation
        .unlock(unlock_form("ada", "right"))
        .await
        .unwrap();
    other
        .workstation
        .settled(Duration::from_secs(60))
        .await
        .unwrap();
    other.workstation.lock().await.unwrap();
    // The same clinic's key signed it, for another device.
    std::fs::copy(other.lease_file(), bench.lease_file()).unwrap();
    bench.server.be_reachable(false);
    assert_eq!(bench.unlocks().await, refused("lease-expired"));
}

#[tokio::test(flavor = "multi_thread")]
async fn w6_a_disabled_account_ends_the_lease_at_the_next_contact() {
    let bench = Bench::off_line_and_locked().await;
    bench.server.be_reachable(true);
    bench.server.keys.lock().unwrap().refuses = Some(Code::AccountDisabled);
    let station = &bench.workstation;
    assert_eq!(bench.unlocks().await, Ok(Phase::Unlocked));
    for _ in 0..2400 {
        if station.session_view().await.unwrap().phase == Phase::Locked {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let view = station.session_view().await.unwrap();
    assert_eq!(view.notice.unwrap().code, "account-disabled");
    bench.server.be_reachable(false);
    assert_eq!(bench.unlocks().await, refused("lease-expired"));
    // Enabled again, nothing was lost.
    bench.server.be_reachable(true);
    bench.server.keys.lock().unwrap().refuses = None;
    assert_eq!(bench.unlocks().await, Ok(Phase::Unlocked));
    bench.has_its_draft().await;
    station
        .open_chart("p1".into(), Cause::Opened)
        .await
        .unwrap();
}
