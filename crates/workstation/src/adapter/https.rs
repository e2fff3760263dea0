//! The platform over HTTPS: TLS 1.3, the organisation's certificate authority if it has its own,
//! a proof of possession on every request.

use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::Arc;

use futures_util::stream::BoxStream;
use protocol::audit::{AuditBatch, AuditReceipt};
use protocol::device::{EscrowReceipt, EscrowRequest, Orders, OrdersRequest, WipeReceipt};
use protocol::dpop::{self, ProofInput};
use protocol::fault::{Code, Problem};
use protocol::ledger::{ConsistencyProof, LedgerAlarm, LedgerHead};
use protocol::path;
use protocol::report::{CloseReview, ReportPage, ReportQuery, ReviewItem, ReviewPage};
use protocol::set_aside::SetAsideRequest;
use protocol::sign_in::{EnrolRequest, PasswordChange, SessionGrant, SignInRequest};
use protocol::single_sign_on::{BeginRequest, Begun, EnrolByCode, FinishRequest, Ways};
use protocol::statement::{LeaseGrant, Signed};
use protocol::sync::{ChartsRequest, SyncEntry, SyncPage};
use protocol::upload::{UploadReply, UploadRequest};
use protocol::visit::{Invitation, InviteRequest, VisitAct, VisitNews};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use rustls::pki_types::CertificateDer;
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::connections::{CONNECT, Connections};
use super::shapes::{borrowed, entry, pairs};
use super::streams;
use crate::port::clock::Clock;
use crate::port::entropy::Entropy;
use crate::port::server::{Answer, Device, ReportForm, Server, ServerError, Session};

/// Entries of a page: what is done once for each page is felt in a first filling, and the larger
/// a page is, the fewer of the cache's index pages are written twice. The server ends a page
/// earlier when its bodies are large, so that a slow line brings one in time.
const PAGE: u32 = 2_000;

/// The adapter.
pub struct Https {
    connections: Connections,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Https {
    /// A client that trusts the certificate authority in `ca` alone, or without one what the
    /// system trusts.
    ///
    /// # Errors
    /// [`ServerError::Configuration`] when the file cannot be used.
    pub fn new(
        ca: Option<&Path>,
        agent: &str,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, ServerError> {
        Ok(Self {
            connections: Connections::new(ca, agent)?,
            clock,
            entropy,
        })
    }

    fn request(
        &self,
        method: Method,
        device: &Device,
        token: Option<&str>,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<RequestBuilder, ServerError> {
        let mut url = device.server.join(path).map_err(configuration)?;
        for (name, value) in query {
            url.query_pairs_mut().append_pair(name, value);
        }
        let jti = self.entropy.uuid().map_err(configuration)?.to_string();
        let proof = dpop::prove(
            &device.key,
            ProofInput {
                method: method.as_str(),
                url: url.as_str(),
                token,
                now: self.clock.now(),
                jti: &jti,
            },
        );
        let mut request = self.connections.client().request(method, url);
        request = request.header(dpop::HEADER, proof);
        if let Some(token) = token {
            request = request.header("Authorization", format!("DPoP {token}"));
        }
        Ok(request)
    }

    async fn post<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        device: &Device,
        token: Option<&str>,
        path: &str,
        body: &B,
    ) -> Result<T, ServerError> {
        let request = self.request(Method::POST, device, token, path, &[])?;
        let response = request.json(body).send().await.map_err(sort)?;
        read(checked(response).await?).await
    }

    async fn get<T: DeserializeOwned>(
        &self,
        session: &Session,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, ServerError> {
        let token = Some(session.token.expose());
        let request = self.request(Method::GET, &session.device, token, path, query)?;
        let response = request.send().await.map_err(sort)?;
        read(checked(response).await?).await
    }

    /// A POST whose answer says nothing.
    async fn tell<B: Serialize + Sync>(
        &self,
        session: &Session,
        path: &str,
        body: &B,
    ) -> Result<(), ServerError> {
        let token = Some(session.token.expose());
        let request = self.request(Method::POST, &session.device, token, path, &[])?;
        let response = request.json(body).send().await.map_err(sort)?;
        checked(response).await.map(drop)
    }
}

impl Server for Https {
    fn forget(&self) {
        self.connections.forget();
    }

    fn enrol<'a>(
        &'a self,
        device: &'a Device,
        request: &'a EnrolRequest,
    ) -> Answer<'a, SessionGrant> {
        Box::pin(self.post(device, None, path::ENROL, request))
    }

    fn ways<'a>(&'a self, server: &'a Url) -> Answer<'a, Ways> {
        Box::pin(async move {
            let url = server.join(path::SIGN_IN_WAYS).map_err(configuration)?;
            let response = self
                .connections
                .client()
                .get(url)
                .send()
                .await
                .map_err(sort)?;
            read(checked(response).await?).await
        })
    }

    fn enrol_by_code<'a>(&'a self, device: &'a Device, request: &'a EnrolByCode) -> Answer<'a, ()> {
        Box::pin(async move {
            let asked = self.request(Method::POST, device, None, path::OIDC_ENROL, &[])?;
            let response = asked.json(request).send().await.map_err(sort)?;
            checked(response).await.map(drop)
        })
    }

    fn begin<'a>(&'a self, device: &'a Device, request: &'a BeginRequest) -> Answer<'a, Begun> {
        Box::pin(self.post(device, None, path::OIDC_BEGIN, request))
    }

    fn finish<'a>(
        &'a self,
        device: &'a Device,
        request: &'a FinishRequest,
    ) -> Answer<'a, SessionGrant> {
        Box::pin(self.post(device, None, path::OIDC_FINISH, request))
    }

    fn sign_in<'a>(
        &'a self,
        device: &'a Device,
        request: &'a SignInRequest,
    ) -> Answer<'a, SessionGrant> {
        Box::pin(self.post(device, None, path::SIGN_IN, request))
    }

    fn sign_out<'a>(&'a self, session: &'a Session) -> Answer<'a, ()> {
        Box::pin(async move {
            let token = Some(session.token.expose());
            let request =
                self.request(Method::POST, &session.device, token, path::SIGN_OUT, &[])?;
            let response = request.timeout(CONNECT).send().await.map_err(sort)?;
            checked(response).await.map(drop)
        })
    }

    fn lease<'a>(&'a self, session: &'a Session) -> Answer<'a, Signed> {
        Box::pin(async move {
            let token = Some(session.token.expose());
            let request = self.request(Method::POST, &session.device, token, path::LEASE, &[])?;
            let response = checked(request.send().await.map_err(sort)?).await?;
            let grant: LeaseGrant = read(response).await?;
            Ok(grant.lease)
        })
    }

    fn orders<'a>(&'a self, device: &'a Device, request: &'a OrdersRequest) -> Answer<'a, Orders> {
        Box::pin(self.post(device, None, path::ORDERS, request))
    }

    fn escrow<'a>(
        &'a self,
        device: &'a Device,
        request: &'a EscrowRequest,
    ) -> Answer<'a, EscrowReceipt> {
        Box::pin(self.post(device, None, path::ESCROW, request))
    }

    fn wiped<'a>(&'a self, device: &'a Device, receipt: &'a WipeReceipt) -> Answer<'a, ()> {
        Box::pin(async move {
            let request = self.request(Method::POST, device, None, path::WIPED, &[])?;
            let response = request.json(receipt).send().await.map_err(sort)?;
            checked(response).await.map(drop)
        })
    }

    fn change_password<'a>(
        &'a self,
        session: &'a Session,
        request: &'a PasswordChange,
    ) -> Answer<'a, ()> {
        Box::pin(self.tell(session, path::PASSWORD, request))
    }

    fn page<'a>(&'a self, session: &'a Session, cursor: Option<&'a str>) -> Answer<'a, SyncPage> {
        Box::pin(async move {
            let limit = PAGE.to_string();
            let mut query = vec![("limit", limit.as_str())];
            query.extend(cursor.map(|cursor| ("cursor", cursor)));
            self.get(session, path::SYNC, &query).await
        })
    }

    fn charts<'a>(&'a self, session: &'a Session, request: &'a ChartsRequest) -> Answer<'a, ()> {
        Box::pin(self.tell(session, path::CHARTS, request))
    }

    fn record<'a>(
        &'a self,
        session: &'a Session,
        resource_type: &'a str,
        id: &'a str,
    ) -> Answer<'a, Option<SyncEntry>> {
        Box::pin(async move {
            let token = Some(session.token.expose());
            let path = format!("{}/{resource_type}/{id}", path::FHIR);
            let request = self
                .request(Method::GET, &session.device, token, &path, &[])?
                .header("Accept", "application/fhir+json");
            let response = request.send().await.map_err(sort)?;
            if matches!(response.status(), StatusCode::NOT_FOUND | StatusCode::GONE) {
                return Ok(None);
            }
            let response = checked(response).await?;
            let version = response
                .headers()
                .get("ETag")
                .and_then(|tag| tag.to_str().ok())
                .and_then(fhir::bundle::parse_etag);
            let bytes = response.bytes().await.map_err(sort)?;
            entry(resource_type, id, version, &bytes).map(Some)
        })
    }

    fn upload<'a>(
        &'a self,
        session: &'a Session,
        request: &'a UploadRequest,
    ) -> Answer<'a, UploadReply> {
        Box::pin(self.post(
            &session.device,
            Some(session.token.expose()),
            path::UPLOAD,
            request,
        ))
    }

    fn audit<'a>(
        &'a self,
        session: &'a Session,
        batch: &'a AuditBatch,
    ) -> Answer<'a, AuditReceipt> {
        Box::pin(self.post(
            &session.device,
            Some(session.token.expose()),
            path::AUDIT,
            batch,
        ))
    }

    fn changes<'a>(
        &'a self,
        session: &'a Session,
    ) -> Answer<'a, BoxStream<'static, Result<(), ServerError>>> {
        Box::pin(async move {
            let token = Some(session.token.expose());
            let request = self.request(Method::GET, &session.device, token, path::CHANGES, &[])?;
            let response = request
                .header("Accept", "text/event-stream")
                .send()
                .await
                .map_err(sort)?;
            let response = checked(response).await?;
            Ok(streams::changes(response))
        })
    }

    fn invite<'a>(
        &'a self,
        session: &'a Session,
        request: &'a InviteRequest,
    ) -> Answer<'a, Invitation> {
        let token = Some(session.token.expose());
        Box::pin(self.post(&session.device, token, path::VISIT_INVITE, request))
    }

    fn authorities(&self) -> Vec<CertificateDer<'static>> {
        self.connections.authorities()
    }

    fn visit_act<'a>(&'a self, session: &'a Session, act: &'a VisitAct) -> Answer<'a, ()> {
        Box::pin(self.tell(session, path::VISIT_ACT, act))
    }

    fn visit_news<'a>(
        &'a self,
        session: &'a Session,
    ) -> Answer<'a, BoxStream<'static, Result<VisitNews, ServerError>>> {
        Box::pin(async move {
            let token = Some(session.token.expose());
            let device = &session.device;
            let request = self.request(Method::GET, device, token, path::VISIT_NEWS, &[])?;
            let response = request
                .header("Accept", "text/event-stream")
                .send()
                .await
                .map_err(sort)?;
            Ok(streams::news(checked(response).await?))
        })
    }

    fn checkpoint<'a>(&'a self, session: &'a Session) -> Answer<'a, LedgerHead> {
        Box::pin(self.get(session, path::LEDGER_CHECKPOINT, &[]))
    }

    fn consistency<'a>(
        &'a self,
        session: &'a Session,
        from: u64,
        to: u64,
    ) -> Answer<'a, ConsistencyProof> {
        Box::pin(async move {
            let (from, to) = (from.to_string(), to.to_string());
            let query = [("from", from.as_str()), ("to", to.as_str())];
            self.get(session, path::LEDGER_CONSISTENCY, &query).await
        })
    }

    fn set_aside<'a>(
        &'a self,
        session: &'a Session,
        request: &'a SetAsideRequest,
    ) -> Answer<'a, ()> {
        Box::pin(self.tell(session, path::SET_ASIDE, request))
    }

    fn alarm<'a>(&'a self, session: &'a Session, alarm: &'a LedgerAlarm) -> Answer<'a, ()> {
        Box::pin(self.tell(session, path::LEDGER_ALARM, alarm))
    }

    fn who_looked<'a>(
        &'a self,
        session: &'a Session,
        patient: &'a str,
        cursor: Option<&'a str>,
    ) -> Answer<'a, ReportPage> {
        Box::pin(async move {
            let mut query = vec![("patient", patient)];
            query.extend(cursor.map(|cursor| ("cursor", cursor)));
            self.get(session, path::WHO_LOOKED, &query).await
        })
    }

    fn report<'a>(
        &'a self,
        session: &'a Session,
        query: &'a ReportQuery,
    ) -> Answer<'a, ReportPage> {
        Box::pin(async move {
            let query = pairs(query)?;
            self.get(session, path::REPORT, &borrowed(&query)).await
        })
    }

    fn report_file<'a>(
        &'a self,
        session: &'a Session,
        query: &'a ReportQuery,
        form: ReportForm,
    ) -> Answer<'a, Vec<u8>> {
        Box::pin(async move {
            let query = pairs(query)?;
            let accept = match form {
                ReportForm::Csv => "text/csv",
                ReportForm::Fhir => "application/fhir+json",
            };
            let token = Some(session.token.expose());
            let request = self
                .request(
                    Method::GET,
                    &session.device,
                    token,
                    path::REPORT,
                    &borrowed(&query),
                )?
                .header("Accept", accept);
            let response = checked(request.send().await.map_err(sort)?).await?;
            Ok(response.bytes().await.map_err(sort)?.to_vec())
        })
    }

    fn reviews<'a>(
        &'a self,
        session: &'a Session,
        closed: bool,
        cursor: Option<&'a str>,
    ) -> Answer<'a, ReviewPage> {
        Box::pin(async move {
            let mut query = vec![("closed", if closed { "true" } else { "false" })];
            query.extend(cursor.map(|cursor| ("cursor", cursor)));
            self.get(session, path::REVIEWS, &query).await
        })
    }

    fn close_review<'a>(
        &'a self,
        session: &'a Session,
        closing: &'a CloseReview,
    ) -> Answer<'a, ReviewItem> {
        Box::pin(self.post(
            &session.device,
            Some(session.token.expose()),
            path::REVIEW_CLOSE,
            closing,
        ))
    }
}

async fn checked(response: Response) -> Result<Response, ServerError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let bytes = response.bytes().await.map_err(sort)?;
    let problem = serde_json::from_slice::<Problem>(&bytes).unwrap_or_else(|_| Problem {
        code: code_of(status),
        status: status.as_u16(),
        title: "The server gave no reason.".to_owned(),
        detail: None,
        retry_after: None,
    });
    Err(ServerError::from_problem(problem))
}

/// For answers without a problem document, as a proxy in between gives them.
fn code_of(status: StatusCode) -> Code {
    match status {
        StatusCode::UNAUTHORIZED => Code::SessionEnded,
        StatusCode::FORBIDDEN => Code::Forbidden,
        StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
        StatusCode::TOO_MANY_REQUESTS => Code::TooManyAttempts,
        status if status.is_server_error() => Code::Unavailable,
        _ => Code::Other,
    }
}

async fn read<T: DeserializeOwned>(response: Response) -> Result<T, ServerError> {
    let bytes = response.bytes().await.map_err(sort)?;
    serde_json::from_slice(&bytes).map_err(|error| {
        // The decoder's words may quote what it read; its place is enough.
        let place = format!("line {}, column {}", error.line(), error.column());
        ServerError::Unreadable(place.into())
    })
}

pub(super) fn configuration(error: impl Into<Box<dyn Error + Send + Sync>>) -> ServerError {
    ServerError::Configuration(error.into())
}

/// The URL in reqwest's errors is dropped: a query may say whom somebody looked for.
pub(super) fn sort(error: reqwest::Error) -> ServerError {
    let error = error.without_url();
    if error.is_builder() {
        ServerError::Configuration(Box::new(error))
    } else if is_certificate(&error) {
        ServerError::Certificate(Box::new(error))
    } else {
        ServerError::Offline(Box::new(error))
    }
}

/// Whether TLS failed because of who answered, and not because nobody did.
fn is_certificate(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return matches!(
                tls,
                rustls::Error::InvalidCertificate(_)
                    | rustls::Error::NoCertificatesPresented
                    | rustls::Error::UnsupportedNameType
                    | rustls::Error::PeerIncompatible(_)
                    | rustls::Error::AlertReceived(_)
            );
        }
        // An io::Error's source() skips the error that it wraps.
        next = match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    false
}

/// Reads a server address as people type it: `https` is meant, a path is not.
///
/// # Errors
/// A sentence about what is wrong.
pub fn server_url(text: &str) -> Result<Url, &'static str> {
    let text = text.trim();
    let full = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    let url = Url::parse(&full).map_err(|_| "This is not an address.")?;
    if url.scheme() != "https" {
        return Err("The address must begin with https://.");
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err("The address names no host.");
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err("The address must be only https://host:port.");
    }
    let origin = url.origin().ascii_serialization();
    Url::parse(&origin).map_err(|_| "This is not an address.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_people_type_them() {
        for (typed, meant) in [
            ("localhost:8443", "https://localhost:8443/"),
            (" https://Clinic.example/ ", "https://clinic.example/"),
            (
                "https://clinic.example/some/path",
                "https://clinic.example/",
            ),
        ] {
            assert_eq!(server_url(typed).unwrap().as_str(), meant);
        }
        for wrong in [
            "http://clinic.example",
            "",
            "https://",
            "https://u:p@clinic.example",
        ] {
            assert!(server_url(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_query_holds_what_was_asked_and_nothing_else() {
        let query = ReportQuery {
            patient: Some("p&1".into()),
            from: Some("2026-01-05T14:30:00Z".parse().unwrap()),
            success: Some(false),
            limit: Some(200),
            ..ReportQuery::default()
        };
        let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            pairs(&query).unwrap(),
            [
                text("patient", "p&1"),
                text("from", "2026-01-05T14:30:00Z"),
                text("success", "false"),
                text("ascending", "false"),
                text("limit", "200"),
            ]
        );
    }

    #[test]
    fn a_certificate_error_is_found_however_deep() {
        let tls = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let wrapped = io::Error::other(io::Error::other(tls));
        assert!(is_certificate(&wrapped));
        assert!(!is_certificate(&io::Error::from(
            io::ErrorKind::ConnectionRefused
        )));
    }
}
