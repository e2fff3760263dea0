//! Stands in for the server when the configured certificate authority cannot be used: every
//! call says so, and nothing is ever sent without it.

use futures_util::stream::BoxStream;
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
use url::Url;

use crate::port::server::{Answer, Device, ReportForm, Server, ServerError, Session};

/// A server that nobody may talk to.
#[derive(Debug)]
pub struct Unusable;

fn refuse<'a, T: Send + 'a>() -> Answer<'a, T> {
    Box::pin(async {
        Err(ServerError::Configuration(
            "the certificate authority cannot be used".into(),
        ))
    })
}

impl Server for Unusable {
    fn enrol<'a>(&'a self, _: &'a Device, _: &'a EnrolRequest) -> Answer<'a, SessionGrant> {
        refuse()
    }

    fn ways<'a>(&'a self, _: &'a Url) -> Answer<'a, Ways> {
        refuse()
    }

    fn enrol_by_code<'a>(&'a self, _: &'a Device, _: &'a EnrolByCode) -> Answer<'a, ()> {
        refuse()
    }

    fn begin<'a>(&'a self, _: &'a Device, _: &'a BeginRequest) -> Answer<'a, Begun> {
        refuse()
    }

    fn finish<'a>(&'a self, _: &'a Device, _: &'a FinishRequest) -> Answer<'a, SessionGrant> {
        refuse()
    }

    fn sign_in<'a>(&'a self, _: &'a Device, _: &'a SignInRequest) -> Answer<'a, SessionGrant> {
        refuse()
    }

    fn sign_out<'a>(&'a self, _: &'a Session) -> Answer<'a, ()> {
        refuse()
    }

    fn lease<'a>(&'a self, _: &'a Session) -> Answer<'a, Signed> {
        refuse()
    }

    fn orders<'a>(&'a self, _: &'a Device, _: &'a OrdersRequest) -> Answer<'a, Orders> {
        refuse()
    }

    fn escrow<'a>(&'a self, _: &'a Device, _: &'a EscrowRequest) -> Answer<'a, EscrowReceipt> {
        refuse()
    }

    fn wiped<'a>(&'a self, _: &'a Device, _: &'a WipeReceipt) -> Answer<'a, ()> {
        refuse()
    }

    fn change_password<'a>(&'a self, _: &'a Session, _: &'a PasswordChange) -> Answer<'a, ()> {
        refuse()
    }

    fn page<'a>(&'a self, _: &'a Session, _: Option<&'a str>) -> Answer<'a, SyncPage> {
        refuse()
    }

    fn charts<'a>(&'a self, _: &'a Session, _: &'a ChartsRequest) -> Answer<'a, ()> {
        refuse()
    }

    fn record<'a>(
        &'a self,
        _: &'a Session,
        _: &'a str,
        _: &'a str,
    ) -> Answer<'a, Option<SyncEntry>> {
        refuse()
    }

    fn upload<'a>(&'a self, _: &'a Session, _: &'a UploadRequest) -> Answer<'a, UploadReply> {
        refuse()
    }

    fn set_aside<'a>(&'a self, _: &'a Session, _: &'a SetAsideRequest) -> Answer<'a, ()> {
        refuse()
    }

    fn audit<'a>(&'a self, _: &'a Session, _: &'a AuditBatch) -> Answer<'a, AuditReceipt> {
        refuse()
    }

    fn changes<'a>(
        &'a self,
        _: &'a Session,
    ) -> Answer<'a, BoxStream<'static, Result<(), ServerError>>> {
        refuse()
    }

    fn checkpoint<'a>(&'a self, _: &'a Session) -> Answer<'a, LedgerHead> {
        refuse()
    }

    fn consistency<'a>(&'a self, _: &'a Session, _: u64, _: u64) -> Answer<'a, ConsistencyProof> {
        refuse()
    }

    fn alarm<'a>(&'a self, _: &'a Session, _: &'a LedgerAlarm) -> Answer<'a, ()> {
        refuse()
    }

    fn who_looked<'a>(
        &'a self,
        _: &'a Session,
        _: &'a str,
        _: Option<&'a str>,
    ) -> Answer<'a, ReportPage> {
        refuse()
    }

    fn report<'a>(&'a self, _: &'a Session, _: &'a ReportQuery) -> Answer<'a, ReportPage> {
        refuse()
    }

    fn report_file<'a>(
        &'a self,
        _: &'a Session,
        _: &'a ReportQuery,
        _: ReportForm,
    ) -> Answer<'a, Vec<u8>> {
        refuse()
    }

    fn reviews<'a>(
        &'a self,
        _: &'a Session,
        _: bool,
        _: Option<&'a str>,
    ) -> Answer<'a, ReviewPage> {
        refuse()
    }

    fn close_review<'a>(&'a self, _: &'a Session, _: &'a CloseReview) -> Answer<'a, ReviewItem> {
        refuse()
    }

    fn invite<'a>(&'a self, _: &'a Session, _: &'a InviteRequest) -> Answer<'a, Invitation> {
        refuse()
    }

    fn visit_act<'a>(&'a self, _: &'a Session, _: &'a VisitAct) -> Answer<'a, ()> {
        refuse()
    }

    fn visit_news<'a>(
        &'a self,
        _: &'a Session,
    ) -> Answer<'a, BoxStream<'static, Result<VisitNews, ServerError>>> {
        refuse()
    }
}
