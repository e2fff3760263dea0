//! Looks, after a run of sync, whether the server's ledger continues what was witnessed here.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use ledger::Action;
use ledger::checkpoint::Checkpoint as Tree;
use ledger::event::{Outcome, Purpose};
use protocol::audit::AuditReceipt;
use protocol::fault::Code;
use protocol::ledger::{LedgerFault, LedgerHead};

use super::{Ground, Line};
use crate::desk::Desk;
use crate::door::Door;
use crate::error::WorkError;
use crate::port::server::{Server, ServerError, Session};
use crate::view::session::LedgerView;
use crate::witness::{Explained, SETTING, Step, Witness};

/// What was seen of the ledger.
enum Look {
    /// It continues what is kept.
    Continues(Tree, LedgerHead),
    /// It was restored from a backup, and goes on from there.
    Restored(Tree, LedgerHead, Box<Explained>),
    /// It does not; what was shown instead.
    Breaks(LedgerFault, Option<String>),
    /// The server answers that it cannot show its ledger now.
    PutOff,
    /// The network or the session was not in a state to tell, or there is no ledger to look at.
    Nothing,
}

/// Looks once, and tells the server what it has not taken yet. The view afterwards; none when
/// the profile was locked meanwhile.
pub(super) fn look(ground: &Ground) -> BoxFuture<'static, Option<LedgerView>> {
    let witnessing = Witnessing {
        door: ground.door.clone(),
        server: ground.ports.server.clone(),
        line: ground.line.clone(),
    };
    Box::pin(async move { witnessing.run().await })
}

/// The view of what is kept.
pub(super) async fn known(door: &Door) -> Result<LedgerView, WorkError> {
    door.work(|desk| Ok(desk.witness()?.view(&desk.identity.zone)))
        .await
}

struct Witnessing {
    door: Door,
    server: Arc<dyn Server>,
    line: Line,
}

impl Witnessing {
    async fn run(&self) -> Option<LedgerView> {
        // Whoever has no session finds that out with the next run.
        let session = self.line.current()?;
        let (witness, key) = self
            .door
            .work(|desk| {
                let key = desk.identity.organisation.ledger_key.clone();
                Ok((desk.witness()?, key))
            })
            .await
            .ok()?;
        let look = match self.see(&session, &witness, &key).await {
            Ok(look) => look,
            Err(error) => {
                tracing::debug!(
                    code = crate::fault::server_code(&error),
                    "the ledger was not looked at"
                );
                Look::Nothing
            }
        };
        let (witness, zone) = self
            .door
            .work(move |desk| Ok((desk.keep_look(look)?, desk.identity.zone.clone())))
            .await
            .ok()?;
        let witness = self.tell(&session, witness).await?;
        Some(witness.view(&zone))
    }

    async fn see(
        &self,
        session: &Session,
        witness: &Witness,
        key: &str,
    ) -> Result<Look, ServerError> {
        if key.is_empty() && !witness.has_seen() {
            return Ok(Look::Nothing);
        }
        let head = match self.server.checkpoint(session).await {
            Ok(head) => head,
            Err(error) => return unanswered(error, witness, None),
        };
        let seen = match witness.read(&head.note, key) {
            Ok(Some(seen)) => seen,
            Ok(None) => return Ok(Look::Nothing),
            Err(fault) => return Ok(Look::Breaks(fault, Some(head.note))),
        };
        let fault = match witness.next(&seen) {
            Ok(Step::Done) => return Ok(Look::Continues(seen, head)),
            Ok(Step::Prove(from, to)) => {
                let proof = match self.server.consistency(session, from, to).await {
                    Ok(proof) => proof,
                    Err(error) => return unanswered(error, witness, Some(head.note)),
                };
                match witness.check(&seen, &proof) {
                    Ok(()) => return Ok(Look::Continues(seen, head)),
                    Err(fault) => fault,
                }
            }
            Err(fault) => fault,
        };
        match witness.explained(&seen, &head.restores, key) {
            Some(explained) => {
                self.take_up(session, witness, seen, head, explained, fault)
                    .await
            }
            None => Ok(Look::Breaks(fault, Some(head.note))),
        }
    }

    /// Whether what is shown goes on from the tree that the operator says was restored; where it
    /// does not, the ledger breaks as it did before.
    async fn take_up(
        &self,
        session: &Session,
        witness: &Witness,
        seen: Tree,
        head: LedgerHead,
        explained: Explained,
        fault: LedgerFault,
    ) -> Result<Look, ServerError> {
        let goes_on = match explained.next(&seen) {
            Ok(Step::Done) => true,
            Ok(Step::Prove(from, to)) => match self.server.consistency(session, from, to).await {
                Ok(proof) => explained.check(&seen, &proof).is_ok(),
                Err(error) => return unanswered(error, witness, Some(head.note)),
            },
            Err(_) => false,
        };
        Ok(if goes_on {
            Look::Restored(seen, head, Box::new(explained))
        } else {
            Look::Breaks(fault, Some(head.note))
        })
    }

    /// Sends what the server has not taken yet, in order.
    async fn tell(&self, session: &Session, mut witness: Witness) -> Option<Witness> {
        for alarm in witness.untold().to_vec() {
            if let Err(error) = self.server.alarm(session, &alarm).await {
                tracing::warn!(
                    code = crate::fault::server_code(&error),
                    "the server did not take the word that its ledger is broken"
                );
                break;
            }
            witness = self
                .door
                .work(move |desk| desk.change_witness(|witness| witness.told(&alarm)))
                .await
                .ok()?;
        }
        Some(witness)
    }
}

/// A server that is gone or has ended the session shows nothing of its ledger, and one that is
/// busy may do so later; one that answers, and not as the protocol says, hides what it showed
/// before.
fn unanswered(
    error: ServerError,
    witness: &Witness,
    seen: Option<String>,
) -> Result<Look, ServerError> {
    let hides = match &error {
        ServerError::Unreadable(_) => true,
        ServerError::Problem(problem) => {
            matches!(
                problem.code,
                Code::Other | Code::Malformed | Code::Forbidden
            )
        }
        _ => false,
    };
    if error.code() == Some(Code::Unavailable) {
        Ok(Look::PutOff)
    } else if hides && witness.has_seen() {
        Ok(Look::Breaks(LedgerFault::Unreadable, seen))
    } else {
        Err(error)
    }
}

impl Desk {
    /// What was witnessed of the ledger.
    pub(crate) fn witness(&self) -> Result<Witness, WorkError> {
        let kept = self.cache.read(|cache| cache.setting(SETTING))?;
        Ok(kept.unwrap_or_default())
    }

    /// Changes what is kept of it.
    pub(crate) fn change_witness(
        &self,
        change: impl FnOnce(&mut Witness),
    ) -> Result<Witness, WorkError> {
        // In one transaction: receipts and looks at the ledger come from two sides.
        Ok(self.cache.write("witness", |tx| {
            let mut witness: Witness = tx.setting(SETTING)?.unwrap_or_default();
            change(&mut witness);
            tx.set(SETTING, &witness)?;
            Ok::<_, cache::StoreError>(witness)
        })?)
    }

    /// Keeps what was seen. A ledger that breaks is recorded here as well.
    fn keep_look(&self, look: Look) -> Result<Witness, WorkError> {
        let now = self.now();
        match look {
            Look::Nothing => self.witness(),
            Look::PutOff => {
                let mut hidden = false;
                let witness = self.change_witness(|witness| hidden = witness.was_put_off())?;
                if hidden {
                    return self.keep_look(Look::Breaks(LedgerFault::Unreadable, None));
                }
                Ok(witness)
            }
            Look::Continues(seen, head) => self.change_witness(|witness| {
                witness.verified(&head.note, &seen, now);
                witness.heard(&head.restores, &self.identity.organisation.ledger_key);
            }),
            Look::Restored(seen, head, explained) => {
                tracing::warn!("the server's ledger was restored, and is taken up again");
                let witness = self.change_witness(|witness| {
                    witness.took_up(*explained, &head.note, &seen, now);
                    witness.heard(&head.restores, &self.identity.organisation.ledger_key);
                })?;
                let event = self
                    .event(Action::LedgerTakenUp)?
                    .serving(Purpose::SystemAdministration);
                self.record(event)?;
                Ok(witness)
            }
            Look::Breaks(fault, seen) => {
                let mut news = false;
                let witness = self.change_witness(|witness| {
                    news = witness.broke(fault, seen.as_deref(), now);
                })?;
                if news {
                    self.record_broken_ledger(fault)?;
                }
                Ok(witness)
            }
        }
    }

    /// Keeps the server's signature under this computer's own chain. A wrong one is shown with
    /// the next look at the ledger, and locks nothing.
    pub(super) fn keep_receipt(&self, receipt: &AuditReceipt) -> Result<(), WorkError> {
        if receipt.countersignature.is_empty() {
            return Ok(());
        }
        let key = &self.identity.organisation.ledger_key;
        let mut before = false;
        let witness = self.change_witness(|witness| {
            before = witness.is_broken();
            witness.receive(self.identity.device, receipt, key);
        })?;
        if witness.is_broken() && !before {
            self.record_broken_ledger(LedgerFault::Signature)?;
        }
        Ok(())
    }

    /// Records that the ledger is broken.
    fn record_broken_ledger(&self, fault: LedgerFault) -> Result<(), WorkError> {
        tracing::error!(reason = ?fault, "the server's ledger does not continue what was witnessed");
        let event = self
            .event(Action::LedgerBroken)?
            .serving(Purpose::SystemAdministration)
            .ending(Outcome::Failed);
        self.record(event)
    }
}
