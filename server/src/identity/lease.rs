//! Leases: how long a user may work on a device without the server.

use deadpool_postgres::GenericClient;
use jiff::SignedDuration;
use protocol::statement::{Lease, Signed};
use uuid::Uuid;

use crate::app::App;
use crate::store::error::StoreError;
use crate::store::tenant;

/// A lease from now on, as long as the organisation's policy says.
///
/// # Errors
/// When the database refuses.
pub async fn give(
    app: &App,
    client: &impl GenericClient,
    user: Uuid,
    device: Uuid,
) -> Result<Signed, StoreError> {
    let hours = tenant::lease_hours(client, app.tenant.id).await?;
    let issued_at = app.now();
    let until = issued_at
        .saturating_add(SignedDuration::from_hours(i64::from(hours)))
        .unwrap_or(issued_at);
    let lease = Lease {
        tenant: app.tenant.id,
        user,
        device,
        server: app.config.public_url.clone(),
        issued_at,
        until,
    };
    app.ledger.state(&lease).map_err(|_| StoreError::Content {
        table: "tenant.lease_hours",
        row: app.tenant.id.to_string(),
    })
}
