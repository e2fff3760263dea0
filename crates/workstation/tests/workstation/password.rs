//! A new password.

use workstation::view::fault::Fault;
use workstation::view::session::{PasswordForm, Phase, SessionView};

use crate::mock::{Bench, unlock_form};
use crate::mock_keys::Change;
use crate::records::clinic;

impl Bench {
    async fn changes(&self, current: &str, next: &str) -> Result<SessionView, Fault> {
        let form = PasswordForm {
            current: current.into(),
            next: next.into(),
        };
        self.workstation.change_password(form).await
    }

    /// Whether a password opens the profile, with the server or without.
    async fn opens(&self, password: &str) -> bool {
        self.workstation.lock().await.unwrap();
        let form = unlock_form("ada", password);
        match self.workstation.unlock(form).await {
            Ok(view) => view.phase == Phase::Unlocked,
            Err(fault) => {
                assert_eq!(fault.code, "password-wrong");
                false
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w3_a_new_password_opens_and_the_old_one_does_not() {
    let bench = Bench::enrolled(clinic()).await;
    let cache = std::fs::metadata(bench.profile().join("cache.db")).unwrap();
    let fault = bench.changes("wrong", "next one").await.unwrap_err();
    assert_eq!(
        (fault.code.as_str(), fault.field.as_deref()),
        ("password-wrong", Some("current"))
    );
    bench.changes("right", "next one").await.unwrap();
    let after = std::fs::metadata(bench.profile().join("cache.db")).unwrap();
    assert_eq!(cache.len(), after.len(), "the records are not sealed anew");
    assert!(!bench.opens("right").await);
    assert!(bench.opens("next one").await);
    bench.settle().await;
    bench.server.be_reachable(false);
    assert!(!bench.opens("right").await);
    assert!(bench.opens("next one").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn w3_what_the_server_does_not_take_changes_nothing() {
    let bench = Bench::enrolled(clinic()).await;
    bench.server.keys.lock().unwrap().change = Change::Refused;
    let fault = bench.changes("right", "weak").await.unwrap_err();
    assert_eq!(
        (fault.code.as_str(), fault.field.as_deref()),
        ("invalid", Some("next"))
    );
    bench.server.be_reachable(false);
    assert!(!bench.opens("weak").await);
    assert!(bench.opens("right").await);
    let fault = bench.changes("right", "next one").await.unwrap_err();
    assert_eq!(fault.code, "offline");
    bench.workstation.lock().await.unwrap();
    let fault = bench.changes("right", "next one").await.unwrap_err();
    assert_eq!(fault.code, "locked");
}

#[tokio::test(flavor = "multi_thread")]
async fn w3_an_answer_that_is_lost_leaves_a_way_in_until_the_server_is_heard() {
    for (fate, stays, goes) in [
        (Change::LostAfter, "next one", "right"),
        (Change::LostBefore, "right", "next one"),
    ] {
        let bench = Bench::enrolled(clinic()).await;
        bench.server.keys.lock().unwrap().change = fate;
        let fault = bench.changes("right", "next one").await.unwrap_err();
        assert_eq!(fault.code, "password-unsure");
        bench.server.be_reachable(false);
        assert!(bench.opens("right").await);
        assert!(bench.opens("next one").await);
        // The one that the server takes stays.
        bench.server.be_reachable(true);
        assert!(bench.opens(goes).await);
        assert!(bench.opens(stays).await);
        bench.server.be_reachable(false);
        assert!(!bench.opens(goes).await);
        assert!(bench.opens(stays).await);
    }
}
