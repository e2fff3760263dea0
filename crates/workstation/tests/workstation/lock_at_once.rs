//! Locking while the server, the keychain or somebody else's turn is waited for.

use std::time::Duration;

use workstation::Workstation;
use workstation::view::session::{PasswordForm, Phase};

use crate::mock::{Bench, enrol_form, unlock_form};
use crate::records::clinic;

/// Nothing that is waited for here ever comes: whatever locks in finite time did not wait for it.
const PATIENCE: Duration = Duration::from_secs(60);

impl Bench {
    /// Locks as for sleep, while the server holds such a request.
    async fn lock_while_it_holds(&self, request: &str) {
        self.until(|| async { self.server.holds(request).then_some(()) })
            .await;
        self.lock_now().await;
    }

    async fn lock_now(&self) {
        tokio::time::timeout(PATIENCE, self.workstation.lock_now("sleep"))
            .await
            .expect("locking waits for what never comes");
        assert!(!self.workstation.door().is_open().await);
    }

    async fn phase(&self) -> Phase {
        self.workstation.session_view().await.unwrap().phase
    }
}

/// What a call that was under way came to.
async fn code_of<T: Send + 'static>(
    call: tokio::task::JoinHandle<Result<T, workstation::view::fault::Fault>>,
) -> String {
    let answer = tokio::time::timeout(PATIENCE, call).await;
    let answer = answer.expect("it still waits").unwrap();
    answer.err().expect("it was answered").code
}

fn spawned<T, F>(
    station: &Workstation,
    call: impl FnOnce(Workstation) -> F,
) -> tokio::task::JoinHandle<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    tokio::spawn(call(station.clone()))
}

#[tokio::test(flavor = "multi_thread")]
async fn w4_sync_and_questions_that_are_never_answered_do_not_hold_up_the_lock() {
    let bench = Bench::enrolled(clinic()).await;
    bench.server.be_silent(true);
    bench.workstation.sync_now().await.unwrap();
    let asked = spawned(&bench.workstation, |station| async move {
        station.who_looked("p1".into(), None).await
    });
    bench
        .until(|| async { bench.server.holds("who_looked").then_some(()) })
        .await;
    bench.lock_while_it_holds("page").await;
    assert_eq!(code_of(asked).await, "locked");
    bench.server.be_silent(false);
    let form = unlock_form("ada", "right");
    bench.workstation.unlock(form).await.unwrap();
    bench.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w4_an_unlocking_that_waits_for_the_server_is_given_up() {
    let bench = Bench::enrolled(clinic()).await;
    bench.workstation.lock().await.unwrap();
    // Without a lease the server has to be asked, with the key of the cache in hand.
    bench.clock.pass(Duration::from_secs(80 * 3600));
    bench.server.be_silent(true);
    let unlocking = spawned(&bench.workstation, |station| async move {
        station.unlock(unlock_form("ada", "right")).await
    });
    bench.lock_while_it_holds("sign_in").await;
    assert_eq!(code_of(unlocking).await, "locked");
    assert_eq!(bench.phase().await, Phase::Locked);
    bench.server.be_silent(false);
    let form = unlock_form("ada", "right");
    bench.workstation.unlock(form).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn w4_an_enrolment_that_waits_for_the_server_is_given_up() {
    let bench = Bench::new(clinic());
    bench.server.be_silent(true);
    let enrolling = spawned(&bench.workstation, |station| async move {
        station.enrol(enrol_form("ada", "right")).await
    });
    bench.lock_while_it_holds("enrol").await;
    assert_eq!(code_of(enrolling).await, "locked");
    assert_eq!(bench.phase().await, Phase::FirstStart);
}

/// An order is asked for on behalf of somebody else's locked profile, for as long as it takes.
#[tokio::test(flavor = "multi_thread")]
async fn w4_a_question_for_orders_does_not_hold_up_the_lock() {
    let bench = Bench::enrolled(clinic()).await;
    let known = [("bob".to_owned(), "right".to_owned())];
    bench.server.passwords.lock().unwrap().extend(known);
    let form = enrol_form("bob", "right");
    bench.workstation.enrol(form).await.unwrap();
    bench.settle().await;
    bench.server.be_silent(true);
    let asking = spawned(&bench.workstation, |station| async move {
        station.check_in().await;
    });
    bench.lock_while_it_holds("orders").await;
    assert_eq!(bench.phase().await, Phase::Locked);
    asking.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn w4_a_change_of_password_is_given_up_and_locks_nobody_out() {
    let bench = Bench::enrolled(clinic()).await;
    bench.server.be_silent(true);
    let changing = spawned(&bench.workstation, |station| async move {
        let form = PasswordForm {
            current: "right".into(),
            next: "a better one, later".into(),
        };
        station.change_password(form).await
    });
    bench.lock_while_it_holds("change_password").await;
    assert_eq!(code_of(changing).await, "locked");
    bench.server.be_silent(false);
    // The mock made the change; whether it did, nobody here knows.
    let form = unlock_form("ada", "a better one, later");
    bench.workstation.unlock(form).await.unwrap();
    bench.settle().await;
}

/// The keychain asks somebody to unlock it, for as long as it takes: the lock does not wait, and
/// what comes of the password afterwards is not opened.
#[tokio::test(flavor = "multi_thread")]
async fn w4_a_keychain_that_waits_for_somebody_does_not_hold_up_the_lock() {
    let bench = Bench::enrolled(clinic()).await;
    bench.workstation.lock().await.unwrap();
    bench.keychain.asking.shut();
    let unlocking = spawned(&bench.workstation, |station| async move {
        station.unlock(unlock_form("ada", "right")).await
    });
    let asking = &bench.keychain.asking;
    bench
        .until(|| async { asking.holds_somebody().then_some(()) })
        .await;
    bench.lock_now().await;
    bench.keychain.asking.open();
    assert_eq!(code_of(unlocking).await, "locked");
    assert_eq!(bench.phase().await, Phase::Locked);
    assert!(!bench.workstation.door().is_open().await);
}
