//! What a workstation and the server say to each other besides FHIR.
//!
//! Every request and reply that both sides must agree on is a type here, once.
//! Shapes only: nothing in this crate does IO, reads a clock or draws randomness.
//!
//! Never: tokio, HTTP clients or servers, SQL, clocks.

pub mod access;
pub mod audit;
pub mod device;
pub mod dpop;
pub mod fault;
pub mod ledger;
pub mod report;
pub mod secret;
pub mod set_aside;
pub mod sign_in;
pub mod single_sign_on;
pub mod statement;
pub mod sync;
pub mod upload;
pub mod visit;

/// Paths below the server's base URL (`https://host:port`).
pub mod path {
    /// `POST` [`crate::sign_in::EnrolRequest`] → [`crate::sign_in::SessionGrant`].
    pub const ENROL: &str = "/rounds/v1/enrol";
    /// `POST` [`crate::sign_in::SignInRequest`] → [`crate::sign_in::SessionGrant`].
    pub const SIGN_IN: &str = "/rounds/v1/sign-in";
    /// `GET` → [`crate::single_sign_on::Ways`]; anybody may ask.
    pub const SIGN_IN_WAYS: &str = "/rounds/v1/sign-in/ways";
    /// `POST` [`crate::single_sign_on::EnrolByCode`], empty reply.
    pub const OIDC_ENROL: &str = "/rounds/v1/sign-in/oidc/enrol";
    /// `POST` [`crate::single_sign_on::BeginRequest`] → [`crate::single_sign_on::Begun`].
    pub const OIDC_BEGIN: &str = "/rounds/v1/sign-in/oidc/begin";
    /// `POST` [`crate::single_sign_on::FinishRequest`] → [`crate::sign_in::SessionGrant`].
    pub const OIDC_FINISH: &str = "/rounds/v1/sign-in/oidc/finish";
    /// `POST`, empty body. Ends the session of the token that signs the request.
    pub const SIGN_OUT: &str = "/rounds/v1/sign-out";
    /// `POST` [`crate::sign_in::PasswordChange`], empty reply. Ends the user's other sessions.
    pub const PASSWORD: &str = "/rounds/v1/password";
    /// `POST`, empty body → [`crate::statement::LeaseGrant`]: how long the user may go on without
    /// the server on this device.
    pub const LEASE: &str = "/rounds/v1/lease";
    /// `POST` [`crate::device::OrdersRequest`] → [`crate::device::Orders`].
    pub const ORDERS: &str = "/rounds/v1/device/orders";
    /// `POST` [`crate::device::EscrowRequest`] → [`crate::device::EscrowReceipt`].
    pub const ESCROW: &str = "/rounds/v1/device/escrow";
    /// `POST` [`crate::device::WipeReceipt`], empty reply.
    pub const WIPED: &str = "/rounds/v1/device/wiped";
    /// `GET ?cursor=&limit=` → [`crate::sync::SyncPage`].
    pub const SYNC: &str = "/rounds/v1/sync";
    /// `POST` [`crate::sync::ChartsRequest`], empty reply.
    pub const CHARTS: &str = "/rounds/v1/charts";
    /// `GET`, a stream of server-sent events; one named `changed` after each commit in scope.
    pub const CHANGES: &str = "/rounds/v1/changes";
    /// `POST` [`crate::upload::UploadRequest`] → [`crate::upload::UploadReply`].
    pub const UPLOAD: &str = "/rounds/v1/upload";
    /// `POST` [`crate::set_aside::SetAsideRequest`], empty reply.
    pub const SET_ASIDE: &str = "/rounds/v1/set-aside";
    /// `POST` [`crate::audit::AuditBatch`] → [`crate::audit::AuditReceipt`].
    pub const AUDIT: &str = "/rounds/v1/audit";
    /// `GET` → [`crate::ledger::LedgerHead`].
    pub const LEDGER_CHECKPOINT: &str = "/rounds/v1/ledger/checkpoint";
    /// `GET ?from=&to=` → [`crate::ledger::ConsistencyProof`].
    pub const LEDGER_CONSISTENCY: &str = "/rounds/v1/ledger/consistency";
    /// `GET ?event=&size=` → [`crate::ledger::InclusionProof`].
    pub const LEDGER_INCLUSION: &str = "/rounds/v1/ledger/inclusion";
    /// `POST` [`crate::ledger::LedgerAlarm`], empty reply.
    pub const LEDGER_ALARM: &str = "/rounds/v1/ledger/alarm";
    /// `GET` with [`crate::report::ReportQuery`] → [`crate::report::ReportPage`]; CSV for
    /// `Accept: text/csv`, a FHIR Bundle for `Accept: application/fhir+json`.
    pub const REPORT: &str = "/rounds/v1/audit/report";
    /// `GET ?patient=&from=&until=`, formats as of [`REPORT`]: the accounting of disclosures
    /// (45 CFR 164.528).
    pub const DISCLOSURES: &str = "/rounds/v1/audit/disclosures";
    /// `GET ?patient=&limit=&cursor=` → [`crate::report::ReportPage`]: who saw one chart, for
    /// those who may see it themselves.
    pub const WHO_LOOKED: &str = "/rounds/v1/audit/who-looked";
    /// `GET` → [`crate::report::UserList`]: who can stand in the audit, for those who read it.
    pub const AUDIT_USERS: &str = "/rounds/v1/audit/users";
    /// `GET ?closed=&cursor=` → [`crate::report::ReviewPage`].
    pub const REVIEWS: &str = "/rounds/v1/reviews";
    /// `POST` [`crate::report::CloseReview`] → [`crate::report::ReviewItem`].
    pub const REVIEW_CLOSE: &str = "/rounds/v1/reviews/close";
    /// `POST` [`crate::access::JustifyRequest`] → [`crate::access::AccessGrant`].
    pub const JUSTIFY: &str = "/rounds/v1/access/justify";
    /// `POST` [`crate::access::EmergencyRequest`] → [`crate::access::AccessGrant`].
    pub const EMERGENCY: &str = "/rounds/v1/access/emergency";
    /// `POST` [`crate::visit::InviteRequest`] → [`crate::visit::Invitation`].
    pub const VISIT_INVITE: &str = "/rounds/v1/visits/invite";
    /// `GET`, a stream of server-sent events named `visit`, each a [`crate::visit::VisitNews`].
    pub const VISIT_NEWS: &str = "/rounds/v1/visits/news";
    /// `POST` [`crate::visit::VisitAct`], empty reply.
    pub const VISIT_ACT: &str = "/rounds/v1/visits/act";
    /// `GET`, no sign-in: the patient's page.
    pub const VISIT_PAGE: &str = "/visit/";
    /// `GET`, no sign-in: the patient's WebSocket, [`crate::visit::FromPatient`] and
    /// [`crate::visit::ToPatient`] as JSON.
    pub const VISIT_LINE: &str = "/visit/line";

    /// `GET`, no sign-in: `200` with `{"status":"ready"}` once the server can serve.
    pub const READY: &str = "/ready";
    /// `POST`, form-encoded: a SMART Backend Services program gives an assertion and gets a token.
    pub const SMART_TOKEN: &str = "/rounds/v1/smart/token";
    /// Base of the FHIR R4 service.
    pub const FHIR: &str = "/fhir/R4";
}
