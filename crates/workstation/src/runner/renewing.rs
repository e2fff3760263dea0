//! Asks, after a run of sync, for a new lease.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{Ground, Line};
use crate::door::Door;
use crate::lease::{self, LeaseKeeper};
use crate::port::clock::Clock;
use crate::port::server::Server;

/// Asks once, if the lease that is there is not fresh.
pub(super) fn renew(ground: &Ground) -> BoxFuture<'static, ()> {
    let renewing = Renewing {
        door: ground.door.clone(),
        server: ground.ports.server.clone(),
        clock: ground.ports.clock.clone(),
        line: ground.line.clone(),
        lease: ground.lease.clone(),
    };
    Box::pin(async move { renewing.run().await })
}

struct Renewing {
    door: Door,
    server: Arc<dyn Server>,
    clock: Arc<dyn Clock>,
    line: Line,
    lease: LeaseKeeper,
}

impl Renewing {
    async fn run(&self) {
        if !self.lease.is_due(self.clock.now()) {
            return;
        }
        // Whoever has no session finds that out with the next run.
        let Some(session) = self.line.current() else {
            return;
        };
        let signed = match self.server.lease(&session).await {
            Ok(signed) => signed,
            Err(error) => {
                let code = crate::fault::server_code(&error);
                tracing::debug!(code, "no new lease");
                return;
            }
        };
        let lease = self.lease.clone();
        let kept = self
            .door
            .work(move |desk| {
                if let Some(kept) = lease.renew(&signed, &desk.identity) {
                    desk.cache
                        .write("lease", |tx| tx.set(lease::SETTING, &kept))?;
                }
                Ok(())
            })
            .await;
        if let Err(error) = kept {
            // It lies beside the slots.
            tracing::debug!(code = error.code(), "the lease was not kept in the cache");
        }
    }
}
