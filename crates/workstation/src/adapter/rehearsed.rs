//! The server behind a switch: while a downtime is rehearsed, every call meets what it would meet
//! with the network cut.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use ledger::Action;
use protocol::audit::{AuditBatch, AuditReceipt};
use protocol::device::{EscrowReceipt, EscrowRequest, Orders, OrdersRequest, WipeReceipt};
use protocol::ledger::{ConsistencyProof, LedgerAlarm, LedgerHead};
use protocol::report::{CloseReview, ReportPage, ReportQuery, ReviewItem, ReviewPage};
use protocol::set_aside::SetAsideRequest;
use protocol::sign_in::{EnrolRequest, PasswordChange, SessionGrant, SignInRequest};
use protocol::single_sign_on::{BeginRequest, Begun, EnrolByCode, FinishRequest, Ways};
use protocol::statement::Signed;
use protocol::sync::{ChartsRequest, SyncEntry, SyncPage};
use protocol::upload::{UploadReply, UploadRequest};
use protocol::visit::{Invitation, InviteRequest, VisitAct, VisitNews};
use rustls::pki_types::CertificateDer;
use url::Url;

use crate::port::server::{Answer, Device, ReportForm, Server, ServerError, Session};
use crate::rehearsal::Rehearsal;

/// Why a call went nowhere.
#[derive(Debug, thiserror::Error)]
#[error("a downtime is rehearsed on this computer")]
struct Cut;

/// The adapter.
pub(crate) struct Rehearsed {
    inner: Arc<dyn Server>,
    rehearsal: Rehearsal,
}

impl Rehearsed {
    pub(crate) fn new(inner: Arc<dyn Server>, rehearsal: Rehearsal) -> Self {
        Self { inner, rehearsal }
    }

    fn unless_cut<'a, T: Send + 'a>(
        &'a self,
        call: impl FnOnce(&'a dyn Server) -> Answer<'a, T>,
    ) -> Answer<'a, T> {
        if self.rehearsal.runs() {
            return Box::pin(async { Err(ServerError::Offline(Box::new(Cut))) });
        }
        call(&*self.inner)
    }
}

impl Server for Rehearsed {
    fn forget(&self) {
        self.inner.forget();
    }

    fn enrol<'a>(
        &'a self,
        device: &'a Device,
        request: &'a EnrolRequest,
    ) -> Answer<'a, SessionGrant> {
        // Nobody is signed in who could ask in another way.
        self.rehearsal.blocked(Action::Enrolled);
        self.unless_cut(|server| server.enrol(device, request))
    }

    fn ways<'a>(&'a self, url: &'a Url) -> Answer<'a, Ways> {
        self.unless_cut(|server| server.ways(url))
    }

    fn enrol_by_code<'a>(&'a self, device: &'a Device, request: &'a EnrolByCode) -> Answer<'a, ()> {
        self.rehearsal.blocked(Action::Enrolled);
        self.unless_cut(|server| server.enrol_by_code(device, request))
    }

    fn begin<'a>(&'a self, device: &'a Device, request: &'a BeginRequest) -> Answer<'a, Begun> {
        self.unless_cut(|server| server.begin(device, request))
    }

    fn finish<'a>(
        &'a self,
        device: &'a Device,
        request: &'a FinishRequest,
    ) -> Answer<'a, SessionGrant> {
        self.unless_cut(|server| server.finish(device, request))
    }

    fn sign_in<'a>(
        &'a self,
        device: &'a Device,
        request: &'a SignInRequest,
    ) -> Answer<'a, SessionGrant> {
        self.unless_cut(|server| server.sign_in(device, request))
    }

    fn sign_out<'a>(&'a self, session: &'a Session) -> Answer<'a, ()> {
        self.unless_cut(|server| server.sign_out(session))
    }

    // An order to wipe waits for the end of the rehearsal, at most some hours, as it would for the
    // end of a downtime.
    fn orders<'a>(&'a self, device: &'a Device, request: &'a OrdersRequest) -> Answer<'a, Orders> {
        self.unless_cut(|server| server.orders(device, request))
    }

    fn escrow<'a>(
        &'a self,
        device: &'a Device,
        request: &'a EscrowRequest,
    ) -> Answer<'a, EscrowReceipt> {
        self.unless_cut(|server| server.escrow(device, request))
    }

    fn wiped<'a>(&'a self, device: &'a Device, receipt: &'a WipeReceipt) -> Answer<'a, ()> {
        self.unless_cut(|server| server.wiped(device, receipt))
    }

    fn lease<'a>(&'a self, session: &'a Session) -> Answer<'a, Signed> {
        self.unless_cut(|server| server.lease(session))
    }

    fn change_password<'a>(
        &'a self,
        session: &'a Session,
        request: &'a PasswordChange,
    ) -> Answer<'a, ()> {
        self.rehearsal.blocked(Action::UserChanged);
        self.unless_cut(|server| server.change_password(session, request))
    }

    fn page<'a>(&'a self, session: &'a Session, cursor: Option<&'a str>) -> Answer<'a, SyncPage> {
        self.unless_cut(|server| server.page(session, cursor))
    }

    fn charts<'a>(&'a self, session: &'a Session, request: &'a ChartsRequest) -> Answer<'a, ()> {
        self.unless_cut(|server| server.charts(session, request))
    }

    fn record<'a>(
        &'a self,
        session: &'a Session,
        resource_type: &'a str,
        id: &'a str,
    ) -> Answer<'a, Option<SyncEntry>> {
        self.unless_cut(|server| server.record(session, resource_type, id))
    }

    fn upload<'a>(
        &'a self,
        session: &'a Session,
        request: &'a UploadRequest,
    ) -> Answer<'a, UploadReply> {
        self.unless_cut(|server| server.upload(session, request))
    }

    fn set_aside<'a>(
        &'a self,
        session: &'a Session,
        request: &'a SetAsideRequest,
    ) -> Answer<'a, ()> {
        self.unless_cut(|server| server.set_aside(session, request))
    }

    fn audit<'a>(
        &'a self,
        session: &'a Session,
        batch: &'a AuditBatch,
    ) -> Answer<'a, AuditReceipt> {
        self.unless_cut(|server| server.audit(session, batch))
    }

    fn changes<'a>(
        &'a self,
        session: &'a Session,
    ) -> Answer<'a, BoxStream<'static, Result<(), ServerError>>> {
        Box::pin(async move {
            let stream = self.unless_cut(|server| server.changes(session)).await?;
            // A stream that is open when the rehearsal begins breaks, as it would.
            Ok(stream.take_until(Box::pin(self.rehearsal.cut())).boxed())
        })
    }

    fn checkpoint<'a>(&'a self, session: &'a Session) -> Answer<'a, LedgerHead> {
        self.unless_cut(|server| server.checkpoint(session))
    }

    fn consistency<'a>(
        &'a self,
        session: &'a Session,
        from: u64,
        to: u64,
    ) -> Answer<'a, ConsistencyProof> {
        self.unless_cut(|server| server.consistency(session, from, to))
    }

    fn alarm<'a>(&'a self, session: &'a Session, alarm: &'a LedgerAlarm) -> Answer<'a, ()> {
        self.unless_cut(|server| server.alarm(session, alarm))
    }

    fn who_looked<'a>(
        &'a self,
        session: &'a Session,
        patient: &'a str,
        cursor: Option<&'a str>,
    ) -> Answer<'a, ReportPage> {
        self.unless_cut(|server| server.who_looked(session, patient, cursor))
    }

    fn report<'a>(
        &'a self,
        session: &'a Session,
        query: &'a ReportQuery,
    ) -> Answer<'a, ReportPage> {
        self.unless_cut(|server| server.report(session, query))
    }

    fn report_file<'a>(
        &'a self,
        session: &'a Session,
        query: &'a ReportQuery,
        form: ReportForm,
    ) -> Answer<'a, Vec<u8>> {
        self.unless_cut(|server| server.report_file(session, query, form))
    }

    fn reviews<'a>(
        &'a self,
        session: &'a Session,
        closed: bool,
        cursor: Option<&'a str>,
    ) -> Answer<'a, ReviewPage> {
        self.unless_cut(|server| server.reviews(session, closed, cursor))
    }

    fn close_review<'a>(
        &'a self,
        session: &'a Session,
        closing: &'a CloseReview,
    ) -> Answer<'a, ReviewItem> {
        self.unless_cut(|server| server.close_review(session, closing))
    }

    fn invite<'a>(
        &'a self,
        session: &'a Session,
        request: &'a InviteRequest,
    ) -> Answer<'a, Invitation> {
        self.unless_cut(|server| server.invite(session, request))
    }

    fn authorities(&self) -> Vec<CertificateDer<'static>> {
        self.inner.authorities()
    }

    fn visit_act<'a>(&'a self, session: &'a Session, act: &'a VisitAct) -> Answer<'a, ()> {
        self.unless_cut(|server| server.visit_act(session, act))
    }

    fn visit_news<'a>(
        &'a self,
        session: &'a Session,
    ) -> Answer<'a, BoxStream<'static, Result<VisitNews, ServerError>>> {
        Box::pin(async move {
            let stream = self.unless_cut(|server| server.visit_news(session)).await?;
            Ok(stream.take_until(Box::pin(self.rehearsal.cut())).boxed())
        })
    }
}
