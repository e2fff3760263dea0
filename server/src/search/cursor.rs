//! The place where a page ends, sealed: it holds the query, which may name a person, and must
//! be neither read nor forged on its way through links.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use vault::Place;

use crate::app::App;
use crate::store::error::StoreError;

/// A place to go on from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor<P> {
    /// What was asked, as understood.
    pub query: Vec<(String, String)>,
    /// Where to go on.
    pub after: P,
}

/// Seals a cursor for one user and one address: nobody else and nowhere else can it be used.
///
/// # Errors
/// When the store fails.
pub async fn seal<P: Serialize>(
    app: &App,
    user: Uuid,
    path: &str,
    cursor: &Cursor<P>,
) -> Result<String, StoreError> {
    let plain =
        zeroize::Zeroizing::new(serde_json::to_vec(cursor).map_err(|_| StoreError::Content {
            table: "cursor",
            row: String::new(),
        })?);
    let key = app.keys.own(1, app.now()).await?;
    let row = user.to_string();
    Ok(URL_SAFE_NO_PAD.encode(key.seal(&place(app, &row, path), &plain)?))
}

/// Opens a cursor; none if it is not one of this user for this address.
///
/// # Errors
/// When the store fails.
pub async fn open<P: for<'d> Deserialize<'d>>(
    app: &App,
    user: Uuid,
    path: &str,
    text: &str,
) -> Result<Option<Cursor<P>>, StoreError> {
    let Ok(blob) = URL_SAFE_NO_PAD.decode(text) else {
        return Ok(None);
    };
    let row = user.to_string();
    let place = place(app, &row, path);
    let Ok(id) = vault::sealed::key_id_of(&place, &blob) else {
        return Ok(None);
    };
    let keys = app.keys.by_id([id]).await?;
    let Ok(key) = keys.key(&id) else {
        return Ok(None);
    };
    let Ok(plain) = key.open(&place, &blob) else {
        return Ok(None);
    };
    Ok(serde_json::from_slice(&plain).ok())
}

fn place<'a>(app: &App, user: &'a str, path: &'a str) -> Place<'a> {
    Place {
        tenant: app.tenant.id,
        table: "cursor",
        row: user,
        column: path,
        version: 0,
    }
}
