//! The platform, as the workstation calls it.

use std::sync::Arc;

use ed25519_dalek::SigningKey;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use protocol::audit::{AuditBatch, AuditReceipt};
use protocol::device::{EscrowReceipt, EscrowRequest, Orders, OrdersRequest, WipeReceipt};
use protocol::fault::{Code, Problem};
use protocol::ledger::{ConsistencyProof, LedgerAlarm, LedgerHead};
use protocol::report::{CloseReview, ReportPage, ReportQuery, ReviewItem, ReviewPage};
use protocol::secret::Secret;
use protocol::set_aside::SetAsideRequest;
use protocol::sign_in::{EnrolRequest, PasswordChange, SessionGrant, SignInRequest};
use protocol::single_sign_on::{BeginRequest, Begun, EnrolByCode, FinishRequest, Ways};
use protocol::statement::Signed;
use protocol::sync::{ChartsRequest, SyncEntry, SyncPage};
use protocol::upload::{UploadReply, UploadRequest};
use protocol::visit::{Invitation, InviteRequest, VisitAct, VisitNews};
use rustls::pki_types::CertificateDer;
use url::Url;

/// Why a request has no good answer.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The server cannot be reached.
    #[error("the server cannot be reached")]
    Offline(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Somebody answers, and cannot prove to be the organisation's server.
    #[error("the server's certificate is not trusted")]
    Certificate(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The session is over: the password is needed again.
    #[error("the session has ended")]
    SessionEnded,
    /// The server says no.
    #[error("the server refused: {:?}", .0.code)]
    Problem(Problem),
    /// The answer is not what the protocol says.
    #[error("the server's answer cannot be read")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The configured address or certificate authority cannot be used.
    #[error("the server's address or certificate authority is not usable")]
    Configuration(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ServerError {
    /// From a problem document: an ended session is an own case, because work goes on without it.
    #[must_use]
    pub fn from_problem(problem: Problem) -> Self {
        match problem.code {
            Code::SessionEnded => Self::SessionEnded,
            _ => Self::Problem(problem),
        }
    }

    /// The problem's code, where the server gave one.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Problem(problem) => Some(problem.code),
            Self::SessionEnded => Some(Code::SessionEnded),
            _ => None,
        }
    }
}

/// Where the server is and with which key this device proves itself.
#[derive(Clone)]
pub struct Device {
    /// `https://host:port`.
    pub server: Url,
    /// The device's key. Wiped when the last copy is dropped.
    pub key: Arc<SigningKey>,
}

/// A signed-in device.
#[derive(Clone)]
pub struct Session {
    /// The device.
    pub device: Device,
    /// Its access token.
    pub token: Secret,
}

/// In what form the server writes a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportForm {
    /// `text/csv`.
    Csv,
    /// A Bundle, `application/fhir+json`.
    Fhir,
}

/// An answer to wait for.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, ServerError>>;

/// The calls. Named by their use; each is one request.
pub trait Server: Send + Sync {
    /// Lets go of connections that nobody uses, and so of what came over them: a profile was
    /// locked.
    fn forget(&self) {}

    /// First contact of this device for a user.
    fn enrol<'a>(
        &'a self,
        device: &'a Device,
        request: &'a EnrolRequest,
    ) -> Answer<'a, SessionGrant>;
    /// How users may sign in; asked without a device.
    fn ways<'a>(&'a self, server: &'a Url) -> Answer<'a, Ways>;
    /// First contact of this device for a user who signs in with the organisation.
    fn enrol_by_code<'a>(&'a self, device: &'a Device, request: &'a EnrolByCode) -> Answer<'a, ()>;
    /// Begins a sign-in with the organisation.
    fn begin<'a>(&'a self, device: &'a Device, request: &'a BeginRequest) -> Answer<'a, Begun>;
    /// Finishes it.
    fn finish<'a>(
        &'a self,
        device: &'a Device,
        request: &'a FinishRequest,
    ) -> Answer<'a, SessionGrant>;
    /// Sign-in on an enrolled device.
    fn sign_in<'a>(
        &'a self,
        device: &'a Device,
        request: &'a SignInRequest,
    ) -> Answer<'a, SessionGrant>;
    /// Ends the session.
    fn sign_out<'a>(&'a self, session: &'a Session) -> Answer<'a, ()>;
    /// A new lease for work without the server.
    fn lease<'a>(&'a self, session: &'a Session) -> Answer<'a, Signed>;
    /// Changes the user's password.
    fn change_password<'a>(
        &'a self,
        session: &'a Session,
        request: &'a PasswordChange,
    ) -> Answer<'a, ()>;
    /// Whether this device is to be wiped; asked with its key alone.
    fn orders<'a>(&'a self, device: &'a Device, request: &'a OrdersRequest) -> Answer<'a, Orders>;
    /// Hands over the sealed work of a device that is wiped.
    fn escrow<'a>(
        &'a self,
        device: &'a Device,
        request: &'a EscrowRequest,
    ) -> Answer<'a, EscrowReceipt>;
    /// Tells that the device was wiped.
    fn wiped<'a>(&'a self, device: &'a Device, receipt: &'a WipeReceipt) -> Answer<'a, ()>;
    /// The page after a cursor.
    fn page<'a>(&'a self, session: &'a Session, cursor: Option<&'a str>) -> Answer<'a, SyncPage>;
    /// Asks for charts, and tells which had no room.
    fn charts<'a>(&'a self, session: &'a Session, request: &'a ChartsRequest) -> Answer<'a, ()>;
    /// One record as it stands now; none where the server has none for this user.
    fn record<'a>(
        &'a self,
        session: &'a Session,
        resource_type: &'a str,
        id: &'a str,
    ) -> Answer<'a, Option<SyncEntry>>;
    /// Sends changes.
    fn upload<'a>(
        &'a self,
        session: &'a Session,
        request: &'a UploadRequest,
    ) -> Answer<'a, UploadReply>;
    /// Hands over work that was set aside.
    fn set_aside<'a>(
        &'a self,
        session: &'a Session,
        request: &'a SetAsideRequest,
    ) -> Answer<'a, ()>;
    /// Sends audit links.
    fn audit<'a>(&'a self, session: &'a Session, batch: &'a AuditBatch)
    -> Answer<'a, AuditReceipt>;
    /// Opens the stream that has an item for each change on the server.
    fn changes<'a>(
        &'a self,
        session: &'a Session,
    ) -> Answer<'a, BoxStream<'static, Result<(), ServerError>>>;
    /// The newest checkpoint of the ledger, and what was said of restores.
    fn checkpoint<'a>(&'a self, session: &'a Session) -> Answer<'a, LedgerHead>;
    /// That the ledger of `to` entries continues the one of `from`.
    fn consistency<'a>(
        &'a self,
        session: &'a Session,
        from: u64,
        to: u64,
    ) -> Answer<'a, ConsistencyProof>;
    /// Tells that the ledger does not continue what was witnessed here.
    fn alarm<'a>(&'a self, session: &'a Session, alarm: &'a LedgerAlarm) -> Answer<'a, ()>;
    /// Who saw one patient's record.
    fn who_looked<'a>(
        &'a self,
        session: &'a Session,
        patient: &'a str,
        cursor: Option<&'a str>,
    ) -> Answer<'a, ReportPage>;
    /// A page of a report of accesses.
    fn report<'a>(&'a self, session: &'a Session, query: &'a ReportQuery)
    -> Answer<'a, ReportPage>;
    /// A report as a file.
    fn report_file<'a>(
        &'a self,
        session: &'a Session,
        query: &'a ReportQuery,
        form: ReportForm,
    ) -> Answer<'a, Vec<u8>>;
    /// What is to be reviewed, or was.
    fn reviews<'a>(
        &'a self,
        session: &'a Session,
        closed: bool,
        cursor: Option<&'a str>,
    ) -> Answer<'a, ReviewPage>;
    /// Closes a review.
    fn close_review<'a>(
        &'a self,
        session: &'a Session,
        closing: &'a CloseReview,
    ) -> Answer<'a, ReviewItem>;
    /// A link by which a patient joins a video visit.
    fn invite<'a>(
        &'a self,
        session: &'a Session,
        request: &'a InviteRequest,
    ) -> Answer<'a, Invitation>;
    /// The certificate authorities of the organisation, if it has its own.
    fn authorities(&self) -> Vec<CertificateDer<'static>> {
        Vec::new()
    }
    /// Does something in a video visit.
    fn visit_act<'a>(&'a self, session: &'a Session, act: &'a VisitAct) -> Answer<'a, ()>;
    /// Opens the stream of what happens in video visits.
    fn visit_news<'a>(
        &'a self,
        session: &'a Session,
    ) -> Answer<'a, BoxStream<'static, Result<VisitNews, ServerError>>>;
}
