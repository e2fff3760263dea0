//! Makes room, after a run of sync, where records take more than the organisation allows, and tells
//! the server.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use ledger::Action;
use protocol::sync::{ChartsRequest, MAX_CHARTS};

use super::{Ground, Line};
use crate::desk::Desk;
use crate::door::Door;
use crate::error::WorkError;
use crate::notice::{Notices, Touched};
use crate::port::server::Server;

/// Once room is made it is made down to this part of what is allowed, so that it lasts.
const FILLED: (u64, u64) = (9, 10);

/// Makes room if it is due.
pub(super) fn make(ground: &Ground) -> BoxFuture<'static, ()> {
    let maker = Maker {
        door: ground.door.clone(),
        server: ground.ports.server.clone(),
        line: ground.line.clone(),
        notices: ground.notices.clone(),
    };
    Box::pin(async move { maker.run().await })
}

struct Maker {
    door: Door,
    server: Arc<dyn Server>,
    line: Line,
    notices: Notices,
}

impl Maker {
    async fn run(&self) {
        match self.door.work(Desk::make_room).await {
            Ok(touched) if !touched.patients.is_empty() => self.notices.touched(touched),
            Ok(_) => {}
            Err(error) => tracing::debug!(code = error.code(), "no room was made"),
        }
        let untold = self.door.work(|desk| {
            let mut untold = desk.cache.read(|cache| cache.made_room())?;
            untold.truncate(MAX_CHARTS);
            Ok(untold)
        });
        let (Ok(dropped), Some(session)) = (untold.await, self.line.current()) else {
            return;
        };
        if dropped.is_empty() {
            return;
        }
        let request = ChartsRequest {
            wanted: Vec::new(),
            dropped,
        };
        if let Err(error) = self.server.charts(&session, &request).await {
            let code = crate::fault::server_code(&error);
            tracing::debug!(code, "the server did not hear which charts made room");
            return;
        }
        let told = self.door.work(move |desk| {
            Ok(desk
                .cache
                .write("room-told", |tx| tx.room_told(&request.dropped))?)
        });
        if told.await.is_err() {
            // It is told once more, which is harmless.
            tracing::debug!("that the server heard was not kept");
        }
    }
}

impl Desk {
    /// Lets charts go until the records take no more than the organisation allows: those opened
    /// least lately first, never those of the user's own patients, never unsent work.
    pub(crate) fn make_room(&self) -> Result<Touched, WorkError> {
        let mut touched = Touched::default();
        let Some(megabytes) = self.identity.policy.cache_megabytes else {
            return Ok(touched);
        };
        let allowed = u64::from(megabytes) * 1024 * 1024;
        if self.cache.read(|cache| cache.used_bytes())? <= allowed {
            return Ok(touched);
        }
        let enough = allowed / FILLED.1 * FILLED.0;
        for patient in self.cache.read(|cache| cache.charts_by_use())? {
            if !self.may_make_room(&patient)? {
                continue;
            }
            let event = self
                .event(Action::Synchronised)?
                .asking("the chart made room")
                .about(patient.clone());
            let went = self.write_recorded_if("make-room", &event, |tx| tx.make_room(&patient))?;
            if went {
                touched.patients.insert(patient);
            }
            if self.cache.read(|cache| cache.used_bytes())? <= enough {
                break;
            }
        }
        Ok(touched)
    }
}
