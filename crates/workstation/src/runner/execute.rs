//! One operation of the engine.

use std::sync::Arc;

use cache::StoreError;
use futures_util::future::BoxFuture;
use ledger::{AccessEvent, Action};
use protocol::audit::{AuditBatch, MAX_LINKS};
use protocol::fault::Code;
use protocol::sign_in::SessionGrant;
use protocol::sync::SyncPage;
use protocol::upload::{MAX_ENTRIES, UploadEntry, UploadRequest};
use sync::{Failure, Input, Operation, Ticket, Waiting};

use super::{Ground, Line, waiting};
use crate::desk::Desk;
use crate::desk::identity::{self, Identity, Kept, KeptSession, SESSION_SETTING};
use crate::door::Door;
use crate::error::WorkError;
use crate::lease::{self, LeaseKeeper};
use crate::notice::{Notices, Touched};
use crate::port::server::{Server, ServerError, Session};
use crate::work::grants::EMERGENCIES;

/// What an operation needs; its own copy, so that it can outlive the loop's turn.
#[derive(Clone)]
struct Bench {
    door: Door,
    server: Arc<dyn Server>,
    notices: Notices,
    line: Line,
    lease: LeaseKeeper,
    session_changed: Arc<dyn Fn() + Send + Sync>,
}

/// Carries an operation out. `None` when the profile was locked meanwhile, or nothing is
/// expected back.
pub(super) fn execute(ground: &Ground, operation: Operation) -> BoxFuture<'static, Option<Input>> {
    let bench = Bench {
        door: ground.door.clone(),
        server: ground.ports.server.clone(),
        notices: ground.notices.clone(),
        line: ground.line.clone(),
        lease: ground.lease.clone(),
        session_changed: ground.session_changed.clone(),
    };
    Box::pin(async move { bench.execute(operation).await })
}

impl Bench {
    async fn execute(&self, operation: Operation) -> Option<Input> {
        match operation {
            Operation::SendAudit(ticket) => self.send_audit(ticket).await,
            Operation::SendUpload(ticket) => self.send_upload(ticket).await,
            Operation::FetchPage(ticket, cursor) => {
                Some(
                    match self
                        .ask(|session| async move {
                            self.server.page(&session, cursor.as_deref()).await
                        })
                        .await
                    {
                        Ok(page) => Input::PageArrived(ticket, page),
                        Err(error) => Input::Failed(ticket, failure(&error)),
                    },
                )
            }
            Operation::SettleAudit(ticket, receipt) => {
                self.store_and_say(ticket, move |desk| {
                    let now = desk.now();
                    let anew = desk
                        .cache
                        .write("settle-audit", |tx| tx.acknowledge_audit(&receipt, now))?;
                    desk.keep_receipt(&receipt)?;
                    Ok((Touched::default(), told(anew, false)))
                })
                .await
            }
            Operation::SettleUpload(ticket, reply) => {
                self.store(ticket, move |desk| {
                    let touched = uploaded(desk, &reply)?;
                    let now = desk.now();
                    desk.cache
                        .write("settle-upload", |tx| tx.apply_fates(&reply, now))?;
                    Ok(touched)
                })
                .await
            }
            Operation::Apply(ticket, page) => {
                self.store_and_say(ticket, move |desk| {
                    let event = received(desk.event(Action::Synchronised)?, &page);
                    let applied = desk
                        .cache
                        .apply_page(&page, desk.now(), desk.seal(&event))?;
                    if applied.types.contains("PractitionerRole") {
                        desk.forget_names();
                    }
                    let touched = Touched {
                        types: applied.types,
                        patients: applied.patients,
                    };
                    Ok((touched, told(applied.anew, applied.unsettled)))
                })
                .await
            }
            Operation::StartOver(ticket) => {
                self.store(ticket, |desk| {
                    desk.cache.write("start-over", |tx| tx.start_over())?;
                    Ok(Touched::default())
                })
                .await
            }
            Operation::NoteConfirmed(at) => {
                let noted = self
                    .door
                    .work(move |desk| {
                        Ok(desk
                            .cache
                            .write("note-confirmed", |tx| tx.note_confirmed(at))?)
                    })
                    .await;
                if noted.is_err() {
                    tracing::warn!("the time of the last confirmation was not kept");
                }
                None
            }
            Operation::WakeAt(_) | Operation::Report(_) => None,
        }
    }

    async fn send_audit(&self, ticket: Ticket) -> Option<Input> {
        let links = self
            .door
            .work(|desk| Ok(desk.cache.audit_batch(MAX_LINKS)?))
            .await;
        let links = match prepared(ticket, links) {
            Ok(links) => links,
            Err(input) => return input,
        };
        if links.is_empty() {
            return Some(Input::Nothing(ticket));
        }
        let batch = AuditBatch { links };
        let batch = &batch;
        Some(
            match self
                .ask(|session| async move { self.server.audit(&session, batch).await })
                .await
            {
                Ok(receipt) => Input::AuditReplied(ticket, receipt),
                Err(error) => Input::Failed(ticket, failure(&error)),
            },
        )
    }

    async fn send_upload(&self, ticket: Ticket) -> Option<Input> {
        // Before anything is marked as sent: without a session nothing will be.
        if let Err(error) = self.ask(|_| async { Ok(()) }).await {
            return Some(Input::Failed(ticket, failure(&error)));
        }
        let request = self
            .door
            .work(|desk| {
                let (life, links, entries): (_, _, Vec<UploadEntry>) =
                    desk.cache.read(|cache| {
                        let entries = cache.upload_batch(MAX_ENTRIES)?;
                        Ok::<_, StoreError>((cache.life()?, cache.acknowledged()?, entries))
                    })?;
                let keys: Vec<_> = entries.iter().map(|entry| entry.key).collect();
                if !keys.is_empty() {
                    let event = desk
                        .event(Action::Uploaded)?
                        .asking(format!("{} changes", keys.len()));
                    desk.write_recorded("mark-sent", &event, |tx| tx.mark_sent(&keys))?;
                }
                Ok(UploadRequest {
                    life,
                    links: Some(links),
                    entries,
                })
            })
            .await;
        let request = match prepared(ticket, request) {
            Ok(request) => request,
            Err(input) => return input,
        };
        if request.entries.is_empty() {
            return Some(Input::Nothing(ticket));
        }
        let request = &request;
        Some(
            match self
                .ask(|session| async move { self.server.upload(&session, request).await })
                .await
            {
                Ok(reply) => Input::UploadReplied(ticket, reply),
                Err(error) => Input::Failed(ticket, failure(&error)),
            },
        )
    }

    /// Makes a request with a session, signing in first if need be.
    async fn ask<T, F>(&self, request: impl FnOnce(Session) -> F) -> Result<T, ServerError>
    where
        F: Future<Output = Result<T, ServerError>>,
    {
        let (session, grant) = self.line.session(&*self.server).await?;
        if let Some(grant) = grant {
            self.take_grant(&grant).await;
        }
        let answer = request(session).await;
        if let Err(error) = &answer
            && must_sign_in(error)
        {
            self.line.forget();
        }
        answer
    }

    /// The server's latest word on who this user is: kept for working off line.
    async fn take_grant(&self, grant: &SessionGrant) {
        let mut kept = Kept::from(grant);
        let session = Some(KeptSession::of(grant));
        self.door
            .change(|desk| {
                kept.organisation_signs_in = desk.identity.organisation_signs_in;
                let (server, device) = (desk.identity.server.clone(), desk.identity.device);
                match Identity::new(server, device, kept.clone()) {
                    Ok(identity) => {
                        desk.take_identity(identity);
                    }
                    Err(reason) => tracing::warn!(reason, "the new identity is not usable"),
                }
            })
            .await;
        let (signed, keeper) = (grant.lease.clone(), self.lease.clone());
        let stored = self
            .door
            .work(move |desk| {
                let renewed = signed.and_then(|signed| keeper.renew(&signed, &desk.identity));
                // A fresh word from the server: emergencies off line are counted anew.
                Ok(desk.cache.write("identity", |tx| {
                    tx.set(identity::SETTING, &kept)?;
                    if kept.organisation_signs_in {
                        tx.set(SESSION_SETTING, &session)?;
                    }
                    if let Some(renewed) = &renewed {
                        tx.set(lease::SETTING, renewed)?;
                    }
                    tx.set(EMERGENCIES, &0_u32)
                })?)
            })
            .await;
        if stored.is_err() {
            tracing::warn!("the new identity was not kept");
        }
        (self.session_changed)();
    }

    /// Stores something and tells what waits afterwards.
    async fn store(
        &self,
        ticket: Ticket,
        store: impl FnOnce(&Desk) -> Result<Touched, WorkError> + Send + 'static,
    ) -> Option<Input> {
        self.store_and_say(ticket, |desk| Ok((store(desk)?, told(false, false))))
            .await
    }

    /// The same; `store` says what the engine is told, as [`told`] names it.
    async fn store_and_say(
        &self,
        ticket: Ticket,
        store: impl FnOnce(&Desk) -> Result<(Touched, Told), WorkError> + Send + 'static,
    ) -> Option<Input> {
        let stored = self
            .door
            .work(move |desk| {
                let (touched, told) = store(desk)?;
                Ok::<(Touched, Told, Waiting), WorkError>((
                    touched,
                    told,
                    desk.cache.read(waiting)?,
                ))
            })
            .await;
        match stored {
            Ok((touched, told, waiting)) => {
                if !touched.types.is_empty() {
                    self.notices.touched(touched);
                }
                Some(told(ticket, waiting))
            }
            Err(WorkError::Locked | WorkError::Interrupted) => None,
            Err(error) => {
                tracing::warn!(code = error.code(), "storing what the server sent failed");
                Some(Input::StoreFailed(ticket, error.code().to_owned()))
            }
        }
    }
}

/// What the engine is told once something is stored.
type Told = fn(Ticket, Waiting) -> Input;

/// `anew`: the position in the feed was forgotten. `unsettled`: the feed must end once more.
fn told(anew: bool, unsettled: bool) -> Told {
    match (anew, unsettled) {
        (true, _) => Input::StoredAnew,
        (false, true) => Input::StoredUnsettled,
        (false, false) => Input::Stored,
    }
}

/// What was read to be sent, or why nothing can be.
fn prepared<T>(ticket: Ticket, read: Result<T, WorkError>) -> Result<T, Option<Input>> {
    read.map_err(|error| match error {
        WorkError::Locked | WorkError::Interrupted => None,
        error => Some(Input::StoreFailed(ticket, error.code().to_owned())),
    })
}

fn must_sign_in(error: &ServerError) -> bool {
    matches!(
        error.code(),
        Some(Code::SessionEnded | Code::ProofWrong | Code::DeviceUnknown)
    )
}

fn failure(error: &ServerError) -> Failure {
    match error {
        ServerError::Offline(_) => Failure::Network,
        ServerError::Certificate(_) => Failure::Untrusted,
        error if must_sign_in(error) => Failure::SignInNeeded,
        ServerError::Problem(problem) => match problem.code {
            Code::CursorGone => Failure::CursorGone,
            Code::Unavailable | Code::TooManyAttempts => Failure::Unavailable {
                retry_after: problem
                    .retry_after
                    .and_then(|wait| u32::try_from(wait).ok()),
            },
            code => Failure::Rejected(code_name(code)),
        },
        ServerError::Unreadable(_) => Failure::Rejected("unreadable".to_owned()),
        ServerError::Configuration(_) => Failure::Rejected("server-address".to_owned()),
        ServerError::SessionEnded => Failure::SignInNeeded,
    }
}

fn code_name(code: Code) -> String {
    serde_json::to_value(code)
        .ok()
        .and_then(|name| name.as_str().map(str::to_owned))
        .unwrap_or_else(|| "other".to_owned())
}

/// The event of a page: how much came, and whose charts left.
fn received(event: AccessEvent, page: &SyncPage) -> AccessEvent {
    let came = format!("{} records", page.entries.len());
    let left = page.scope.as_ref().map_or(&[][..], |change| &change.left);
    if left.is_empty() {
        return event.asking(came);
    }
    let event = left
        .iter()
        .fold(event, |event, patient| event.about(patient.clone()));
    event.asking(format!("{came}, {} charts left", left.len()))
}

/// The records whose standing a reply changes.
fn uploaded(desk: &Desk, reply: &protocol::upload::UploadReply) -> Result<Touched, WorkError> {
    let mut touched = Touched::default();
    let outbox = desk.cache.read(|cache| cache.outbox())?;
    for line in outbox {
        if !reply.fates.iter().any(|fate| fate.key == line.key) {
            continue;
        }
        for (kind, id) in line.records {
            if let Some(record) = desk.cache.read(|cache| cache.record(&kind, &id))?
                && let Ok(value) = record.value()
            {
                touched.add(&value);
            }
            touched.types.insert(kind);
        }
    }
    Ok(touched)
}
