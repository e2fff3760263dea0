//! Users who sign in with the organisation: a password that is this computer's alone opens the
//! records, and no server is told it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use workstation::view::Cause;
use workstation::view::fault::Fault;
use workstation::view::session::{Connection, EnrolForm, PasswordForm, Phase, SessionView};

use crate::mock::{Bench, enrol_form, unlock_form};
use crate::records::clinic;

const LOCAL: &str = "seven quiet lanterns";

fn form(password: &str) -> EnrolForm {
    EnrolForm {
        organisation: true,
        ..enrol_form("ada", password)
    }
}

impl Bench {
    async fn by_organisation() -> Self {
        let bench = Self::new(clinic());
        bench.workstation.enrol(form(LOCAL)).await.unwrap();
        bench.settle().await;
        bench
    }

    async fn open_with(&self, password: &str) -> Result<SessionView, Fault> {
        self.workstation.unlock(unlock_form("ada", password)).await
    }

    async fn until_connection(&self, wanted: Connection) {
        for _ in 0..2400 {
            let view = self.workstation.sync_view().await.unwrap();
            if view.connection == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{:?}", self.workstation.sync_view().await);
    }

    fn browser_opened(&self) -> u32 {
        self.server.browser.times_opened()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_the_password_of_this_computer_opens_it_and_is_told_to_nobody() {
    let bench = Bench::by_organisation().await;
    let view = bench.workstation.session_view().await.unwrap();
    assert!(view.profiles[0].organisation);
    bench.workstation.lock().await.unwrap();
    // Disk and keychain are there; the password is not.
    let fault = bench.open_with("seven quiet lantern").await.unwrap_err();
    assert_eq!(fault.code, "password-wrong");
    bench.open_with(LOCAL).await.unwrap();
    // The session was kept with the records: no browser, and no password for the server.
    bench.settle().await;
    bench.server.be_reachable(false);
    bench.workstation.lock().await.unwrap();
    bench.open_with(LOCAL).await.unwrap();
    let chart = bench.workstation.open_chart("p1".into(), Cause::Opened);
    chart.await.unwrap();
    bench.server.be_reachable(true);
    bench.settle().await;
    assert_eq!(bench.browser_opened(), 1);
    assert_eq!(bench.server.passwords_seen.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_a_password_that_no_server_counts_guesses_of_is_long() {
    let bench = Bench::new(clinic());
    for weak in ["", "lanterns", "elevenchars", "ada and seven lanterns"] {
        let fault = bench.workstation.enrol(form(weak)).await.unwrap_err();
        let field = fault.field.as_deref();
        assert_eq!(
            (fault.code.as_str(), field),
            ("invalid", Some("password")),
            "{weak}"
        );
    }
    assert_eq!(bench.browser_opened(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn w6_an_expired_lease_asks_for_the_organisation_before_anything_opens() {
    let bench = Bench::by_organisation().await;
    bench.workstation.lock().await.unwrap();
    bench.clock.pass(Duration::from_secs(80 * 3600));
    // Off line nothing opens, with the right password too.
    bench.server.be_reachable(false);
    let fault = bench.open_with(LOCAL).await.unwrap_err();
    assert_eq!(fault.code, "lease-expired");
    bench.server.be_reachable(true);
    // A wrong password does not get as far as the browser.
    let fault = bench.open_with("another password").await.unwrap_err();
    assert_eq!(
        (fault.code.as_str(), bench.browser_opened()),
        ("password-wrong", 1)
    );
    let view = bench.open_with(LOCAL).await.unwrap();
    assert_eq!((view.phase, bench.browser_opened()), (Phase::Unlocked, 2));
    bench.settle().await;
    assert_eq!(bench.server.passwords_seen.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn p5_a_wait_for_the_browser_can_be_ended_and_changes_nothing() {
    let bench = Bench::by_organisation().await;
    bench.workstation.sign_out().await.unwrap();
    bench.open_with(LOCAL).await.unwrap();
    // Signed out: the session was not kept. Work goes on without the server.
    bench.until_connection(Connection::SignInNeeded).await;
    let chart = bench.workstation.open_chart("p1".into(), Cause::Opened);
    chart.await.unwrap();

    bench.server.browser.attended.store(false, Ordering::SeqCst);
    let waiting = tokio::spawn({
        let workstation = bench.workstation.clone();
        async move { workstation.sign_in_again().await }
    });
    loop {
        let view = bench.workstation.session_view().await.unwrap();
        if view.browsing && bench.browser_opened() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Nothing waits for the browser: records open, and so would the lock close.
    let chart = bench.workstation.open_chart("p1".into(), Cause::Opened);
    chart.await.unwrap();
    let fault = bench.workstation.sign_in_again().await.unwrap_err();
    assert_eq!(fault.code, "busy");
    let view = bench.workstation.cancel_sign_in().await.unwrap();
    assert!(!view.browsing);
    let fault = waiting.await.unwrap().unwrap_err();
    assert_eq!(fault.code, "sign-in-cancelled");
    bench
        .server
        .browser
        .installed
        .store(false, Ordering::SeqCst);
    let fault = bench.workstation.sign_in_again().await.unwrap_err();
    assert_eq!(fault.code, "browser-absent");

    bench.server.browser.installed.store(true, Ordering::SeqCst);
    bench.server.browser.attended.store(true, Ordering::SeqCst);
    bench.workstation.sign_in_again().await.unwrap();
    bench.settle().await;
    // An enrolment that is given up leaves no profile.
    let other = Bench::new(clinic());
    other.server.browser.attended.store(false, Ordering::SeqCst);
    let waiting = tokio::spawn({
        let workstation = other.workstation.clone();
        async move { workstation.enrol(form(LOCAL)).await }
    });
    while other.browser_opened() == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    other.workstation.cancel_sign_in().await.unwrap();
    let fault = waiting.await.unwrap().unwrap_err();
    assert_eq!(fault.code, "sign-in-cancelled");
    let view = other.workstation.session_view().await.unwrap();
    assert_eq!((view.phase, view.browsing), (Phase::FirstStart, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn p5_the_password_of_this_computer_is_changed_here_off_line_too() {
    let bench = Bench::by_organisation().await;
    bench.server.be_reachable(false);
    let change = |current: &str, next: &str| {
        bench.workstation.change_password(PasswordForm {
            current: current.into(),
            next: next.into(),
        })
    };
    let fault = change("wrong", "nine paper boats").await.unwrap_err();
    let field = fault.field.as_deref();
    assert_eq!(
        (fault.code.as_str(), field),
        ("password-wrong", Some("current"))
    );
    let fault = change(LOCAL, "short").await.unwrap_err();
    assert_eq!(
        (fault.code.as_str(), fault.field.as_deref()),
        ("invalid", Some("next"))
    );
    change(LOCAL, "nine paper boats").await.unwrap();
    bench.workstation.lock().await.unwrap();
    assert_eq!(
        bench.open_with(LOCAL).await.unwrap_err().code,
        "password-wrong"
    );
    bench.open_with("nine paper boats").await.unwrap();
}
