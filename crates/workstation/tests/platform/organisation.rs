//! Row P5 for those who have no password here: the organisation's identity provider, the server
//! and a workstation together.

use std::sync::atomic::Ordering;

use testbed::{NewUser, UserRecord};
use workstation::view::Cause;
use workstation::view::fault::Fault;
use workstation::view::session::{Connection, EnrolForm, Phase, SessionView, UnlockForm};

use crate::clinic::{Clinic, Desk, code, shared};

const LOCAL: &str = "seven quiet lanterns";

impl Clinic {
    /// A user whose password here nobody was told.
    fn person(&mut self, username: &str) -> UserRecord {
        let user = NewUser {
            username,
            role: "clinician",
            display_name: username,
            password: None,
            practitioner: Some("dr1"),
        };
        self.platform.add_user(&user).unwrap()
    }

    fn events(&self, action: &str) -> u32 {
        let sql = format!("SELECT count(*) FROM audit_event WHERE action = '{action}'");
        let printed = self.platform.cluster().sql(self.platform.database(), &sql);
        printed.unwrap().trim().parse().unwrap()
    }
}

impl Desk {
    fn visited_by(&self, login: Option<&str>) {
        *self.browser.login.lock().unwrap() = login.map(str::to_owned);
    }

    fn times_browsed(&self) -> u32 {
        self.browser.opened.load(Ordering::SeqCst)
    }

    async fn enrol_by_organisation(
        &self,
        clinic: &Clinic,
        user: &UserRecord,
    ) -> Result<SessionView, Fault> {
        let form = EnrolForm {
            server: clinic.url.clone(),
            username: user.username.clone(),
            password: LOCAL.into(),
            code: code(user),
            organisation: true,
        };
        self.station.enrol(form).await
    }

    async fn open_locally(&self, clinic: &Clinic, user: &str) -> Result<SessionView, Fault> {
        let form = UnlockForm {
            server: clinic.url.clone(),
            username: user.into(),
            password: LOCAL.into(),
        };
        self.station.unlock(form).await
    }

    async fn until_connection(&self, wanted: Connection) {
        self.until(|station| async move {
            station.sync_now().await.unwrap();
            station.sync_view().await.unwrap().connection == wanted
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p5_a_user_without_a_password_here_works_on_line_and_off() {
    let (mut clinic, _provider) = Clinic::with_provider();
    let ann = clinic.person("ann");
    let ben = clinic.person("ben");
    let desk = Desk::with_ca(clinic.platform.ca());
    let ways = desk.station.sign_in_ways(clinic.url.clone()).await.unwrap();
    assert!(ways.organisation);

    // Somebody else sits at the browser than is enrolled: no profile comes of it.
    desk.visited_by(Some("ben"));
    let fault = desk.enrol_by_organisation(&clinic, &ann).await.unwrap_err();
    assert_eq!(fault.code, "another-user");
    let view = desk.station.session_view().await.unwrap();
    assert_eq!((view.phase, view.browsing), (Phase::FirstStart, false));

    let desk = Desk::with_ca(clinic.platform.ca());
    desk.visited_by(Some("ben"));
    desk.enrol_by_organisation(&clinic, &ben).await.unwrap();
    desk.settle().await;
    let view = desk.station.session_view().await.unwrap();
    assert!(view.profiles[0].organisation && view.user.unwrap().username == "ben");
    let open = || desk.station.open_chart("p1".into(), Cause::Opened);
    open().await.unwrap();

    // Locked and unlocked on line: the session goes on, no browser is needed.
    desk.station.lock().await.unwrap();
    desk.open_locally(&clinic, "ben").await.unwrap();
    desk.until_connection(Connection::Online).await;
    assert_eq!(desk.times_browsed(), 1);
    // And off line, where the provider is as far away as the server.
    clinic.platform.kill_server();
    desk.station.lock().await.unwrap();
    desk.open_locally(&clinic, "ben").await.unwrap();
    open().await.unwrap();
    let mut form = desk.station.patient_form("p1".into()).await.unwrap();
    form.phone = "555-0166".into();
    desk.station.save_patient(form).await.unwrap();
    clinic.platform.start_server().unwrap();
    desk.settle().await;

    // The server ends the session: work goes on, and the browser brings the next one.
    let end = ["user", "end-sessions", "--username", "ben"];
    clinic.platform.operator(&end, None).unwrap();
    desk.until_connection(Connection::SignInNeeded).await;
    open().await.unwrap();
    desk.open_locally(&clinic, "ben").await.unwrap();
    desk.until_connection(Connection::SignInNeeded).await;
    desk.visited_by(Some("stranger"));
    let fault = desk.station.sign_in_again().await.unwrap_err();
    assert_eq!(fault.code, "subject-unknown");
    desk.visited_by(Some("ben"));
    desk.station.sign_in_again().await.unwrap();
    desk.until_connection(Connection::Online).await;
    assert_eq!(desk.times_browsed(), 3);

    // No password ever came to the server: each refusal is one of the two strangers', and it was
    // asked by way of the provider alone.
    assert_eq!(clinic.events("sign-in-refused"), 2);
    // The server tells of both computers that came with a code, the one that stayed of itself.
    assert_eq!(clinic.events("enrolled"), 3);
    let log = std::fs::read_to_string(clinic.platform.log()).unwrap();
    assert!(log.contains("route=\"/rounds/v1/sign-in/oidc/finish\""));
    assert!(!log.contains("route=\"/rounds/v1/sign-in\""));
    assert!(!log.contains(LOCAL));
}

#[tokio::test(flavor = "multi_thread")]
async fn p5_a_server_without_a_provider_offers_the_password_alone() {
    let clinic = shared();
    let desk = Desk::with_ca(clinic.platform.ca());
    let ways = desk.station.sign_in_ways(clinic.url.clone()).await.unwrap();
    assert!(!ways.organisation);
    let fault = desk
        .station
        .sign_in_ways("http://clinic.example".into())
        .await;
    assert_eq!(fault.unwrap_err().code, "invalid");
}
