//! What a workstation and the server say to each other besides FHIR.
//!
//! Every request and reply that both sides must agree on is a type here, once.
//! Shapes only: nothing in this crate does IO, reads a clock or draws randomness.
//!
//! Never: tokio, HTTP clients or servers, SQL, clocks.

pub mod audit;
pub mod dpop;
pub mod fault;
pub mod secret;
pub mod sign_in;
pub mod sync;
pub mod upload;

/// Paths below the server's base URL (`https://host:port`).
pub mod path {
    /// `POST` [`crate::sign_in::EnrolRequest`] → [`crate::sign_in::SessionGrant`].
    pub const ENROL: &str = "/rounds/v1/enrol";
    /// `POST` [`crate::sign_in::SignInRequest`] → [`crate::sign_in::SessionGrant`].
    pub const SIGN_IN: &str = "/rounds/v1/sign-in";
    /// `POST`, empty body. Ends the session of the token that signs the request.
    pub const SIGN_OUT: &str = "/rounds/v1/sign-out";
    /// `GET ?cursor=&limit=` → [`crate::sync::SyncPage`].
    pub const SYNC: &str = "/rounds/v1/sync";
    /// `GET`, a stream of server-sent events; one named `changed` after each commit in scope.
    pub const CHANGES: &str = "/rounds/v1/changes";
    /// `POST` [`crate::upload::UploadRequest`] → [`crate::upload::UploadReply`].
    pub const UPLOAD: &str = "/rounds/v1/upload";
    /// `POST` [`crate::audit::AuditBatch`] → [`crate::audit::AuditReceipt`].
    pub const AUDIT: &str = "/rounds/v1/audit";
    /// `GET`, no sign-in: `200` with `{"status":"ready"}` once the server can serve.
    pub const READY: &str = "/ready";
    /// Base of the FHIR R4 service.
    pub const FHIR: &str = "/fhir/R4";
}
