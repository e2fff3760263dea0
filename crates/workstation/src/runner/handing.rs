//! Hands over, after a run of sync, the work that was set aside.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::BoxFuture;
use protocol::device::MAX_ESCROW;
use protocol::set_aside::SetAsideRequest;
use tokio::sync::mpsc;

use super::{Ground, Line, Poke};
use crate::door::Door;
use crate::error::WorkError;
use crate::notice::{Notices, Touched};
use crate::port::server::Server;

/// Hands over everything that the server does not have.
pub(super) fn hand_over(
    ground: &Ground,
    pokes: mpsc::WeakUnboundedSender<Poke>,
) -> BoxFuture<'static, ()> {
    let handing = Handing {
        door: ground.door.clone(),
        server: ground.ports.server.clone(),
        line: ground.line.clone(),
        notices: ground.notices.clone(),
        pokes,
    };
    Box::pin(async move { handing.run().await })
}

struct Handing {
    door: Door,
    server: Arc<dyn Server>,
    line: Line,
    notices: Notices,
    pokes: mpsc::WeakUnboundedSender<Poke>,
}

impl Handing {
    async fn run(&self) {
        let Ok(waiting) = self.door.work(|desk| desk.to_be_handed_over()).await else {
            return;
        };
        let mut handed = false;
        for request in waiting {
            // Whoever has no session finds that out with the next run.
            let Some(session) = self.line.current() else {
                return;
            };
            if let Err(error) = self.server.set_aside(&session, &request).await {
                let code = crate::fault::server_code(&error);
                tracing::warn!(code, "work that was set aside stays here, sealed");
                continue;
            }
            let id = request.id;
            let noted = self
                .door
                .work(move |desk| {
                    let now = desk.now();
                    Ok(desk
                        .cache
                        .write("handed-over", |tx| tx.handed_over(id, now))?)
                })
                .await;
            if noted.is_err() {
                // It is handed over once more, which is harmless.
                tracing::debug!("that work was handed over was not kept");
            }
            handed |= noted.is_ok();
        }
        if handed {
            self.notices.touched(Touched::default());
            if let Some(pokes) = self.pokes.upgrade() {
                // What needs a person is counted anew; a runner that has ended is being replaced.
                let _ = pokes.send(Poke::Recorded);
            }
        }
    }
}

impl crate::desk::Desk {
    /// What the server does not have of the work that was set aside.
    fn to_be_handed_over(&self) -> Result<Vec<SetAsideRequest>, WorkError> {
        let profile = self.profile.id.clone();
        let waiting = self.cache.read(|cache| {
            let mut waiting = Vec::new();
            for aside in cache.to_hand_over()? {
                if let Some(sealed) = cache.sealed_work(aside.id)? {
                    waiting.push((aside, sealed));
                }
            }
            Ok::<_, cache::StoreError>(waiting)
        })?;
        Ok(waiting
            .into_iter()
            // What is larger stays here, sealed; a wipe leaves it for the recovery secret as well.
            .filter(|(_, sealed)| sealed.len() <= MAX_ESCROW)
            .map(|(aside, sealed)| SetAsideRequest {
                id: aside.id,
                patient: aside.patient,
                changes: aside.changes,
                drafts: aside.drafts,
                records: aside.records,
                made: aside.made,
                profile: profile.clone(),
                sealed: STANDARD.encode(sealed),
            })
            .collect())
    }
}
