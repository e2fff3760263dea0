//! From a file to write operations.

use std::collections::{HashMap, HashSet};

use deadpool_postgres::Transaction;
use fhir::bundle::{self, Method};
use fhir::reference;
use fhir::resource;
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::app::App;
use crate::store::error::StoreError;
use crate::store::write::{Expect, WriteOp};

/// One piece of work: stored in one transaction.
#[derive(Debug)]
pub struct Piece {
    /// Name of the file, for the report.
    pub file: String,
    /// Tells this content from every other.
    pub digest: [u8; 32],
    /// Whether all is stored or nothing; otherwise what is refused is left out.
    pub atomic: bool,
    /// What to store.
    pub items: Vec<Item>,
}

/// One resource to be stored.
#[derive(Debug)]
pub struct Item {
    /// Entry of the bundle or line of the file.
    pub entry: usize,
    /// Its name inside the bundle.
    full_url: Option<String>,
    /// Whether the id it has must be kept.
    keep_id: bool,
    /// The resource.
    resource: Value,
}

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not JSON.
    #[error("not JSON: it breaks at line {line}, column {column}")]
    Json {
        /// Line.
        line: usize,
        /// Column.
        column: usize,
    },
    /// JSON, but nothing that can be imported.
    #[error("{0}")]
    Content(&'static str),
}

impl From<serde_json::Error> for ReadError {
    fn from(error: serde_json::Error) -> Self {
        Self::Json {
            line: error.line(),
            column: error.column(),
        }
    }
}

/// Reads a bundle, or one resource by itself.
///
/// # Errors
/// [`ReadError`].
pub fn read_bundle(file: &str, text: &[u8]) -> Result<Piece, ReadError> {
    let mut content: Value = serde_json::from_slice(text)?;
    let digest = Sha256::digest(text).into();
    if resource::resource_type(&content) != Some("Bundle") {
        if resource::resource_type(&content).is_none() {
            return Err(ReadError::Content("this is no FHIR resource"));
        }
        let item = Item {
            entry: 0,
            full_url: None,
            keep_id: true,
            resource: content,
        };
        return Ok(Piece {
            file: file.to_owned(),
            digest,
            atomic: true,
            items: vec![item],
        });
    }
    let atomic = content.get("type").and_then(Value::as_str) == Some("transaction");
    let methods: HashMap<usize, Method> = match bundle::entries(&content) {
        Ok(entries) => entries
            .iter()
            .map(|entry| (entry.index, entry.method))
            .collect(),
        // Bundles other than transactions and batches need no requests.
        Err(_) if !atomic => HashMap::new(),
        Err(_) => {
            return Err(ReadError::Content(
                "an entry has no request that can be read",
            ));
        }
    };
    let Some(Value::Array(entries)) = content.get_mut("entry").map(Value::take) else {
        return Err(ReadError::Content("the Bundle holds nothing"));
    };
    let mut items = Vec::with_capacity(entries.len());
    for (index, mut entry) in entries.into_iter().enumerate() {
        let keep_id = match methods.get(&index) {
            None | Some(Method::Put) => true,
            Some(Method::Post) => false,
            Some(_) => {
                return Err(ReadError::Content(
                    "only entries that create or update are imported",
                ));
            }
        };
        if entry.pointer("/request/ifNoneExist").is_some() {
            return Err(ReadError::Content(
                "conditional entries are not imported: POST the bundle",
            ));
        }
        let Some(resource) = entry.get_mut("resource").map(Value::take) else {
            return Err(ReadError::Content("an entry has no resource"));
        };
        let full_url = entry
            .get("fullUrl")
            .and_then(Value::as_str)
            .map(str::to_owned);
        items.push(Item {
            entry: index,
            full_url,
            keep_id,
            resource,
        });
    }
    Ok(Piece {
        file: file.to_owned(),
        digest,
        atomic,
        items,
    })
}

/// Reads lines of resources into pieces of at most `size`.
///
/// # Errors
/// [`ReadError`] with the line.
pub fn read_lines(file: &str, text: &[u8], size: usize) -> Result<Vec<Piece>, ReadError> {
    let mut pieces = Vec::new();
    let mut items = Vec::new();
    let mut hash = Sha256::new();
    let mut finish = |items: &mut Vec<Item>, hash: &mut Sha256| {
        if items.is_empty() {
            return;
        }
        pieces.push(Piece {
            file: file.to_owned(),
            digest: hash.finalize_reset().into(),
            atomic: false,
            items: std::mem::take(items),
        });
    };
    for (line, content) in text.split(|byte| *byte == b'\n').enumerate() {
        if content.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let resource: Value = serde_json::from_slice(content).map_err(|error| ReadError::Json {
            line: line + 1,
            column: error.column(),
        })?;
        hash.update(content);
        hash.update(b"\n");
        items.push(Item {
            entry: line,
            full_url: None,
            keep_id: true,
            resource,
        });
        if items.len() == size {
            finish(&mut items, &mut hash);
        }
    }
    finish(&mut items, &mut hash);
    Ok(pieces)
}

/// The operations of a piece: resources keep their ids where those are free, others get one that
/// depends on the content alone; references follow.
///
/// # Errors
/// When the database refuses.
pub async fn operations(
    app: &App,
    tx: &Transaction<'_>,
    piece: &Piece,
    left_out: &HashSet<usize>,
) -> Result<Vec<(usize, WriteOp)>, StoreError> {
    let items: Vec<&Item> = piece
        .items
        .iter()
        .filter(|item| !left_out.contains(&item.entry))
        .collect();
    let wishes: Vec<(&str, Option<String>)> = items
        .iter()
        .map(|item| {
            let kind = resource::resource_type(&item.resource).unwrap_or_default();
            (kind, wish(item))
        })
        .collect();
    let taken = taken(app, tx, &wishes).await?;
    let mut used: HashSet<(&str, String)> = HashSet::new();
    let mut names: HashMap<String, String> = HashMap::new();
    let mut ids = Vec::with_capacity(items.len());
    for (item, (kind, wish)) in items.iter().zip(&wishes) {
        let free = |id: &String| {
            let key = (*kind, id.clone());
            item.keep_id
                || (!taken.contains(&(kind.to_string(), id.clone())) && !used.contains(&key))
        };
        let id = match wish {
            Some(id) if free(id) => id.clone(),
            _ => derived(piece, item),
        };
        used.insert((*kind, id.clone()));
        if let Some(full_url) = &item.full_url {
            names.insert(full_url.clone(), format!("{kind}/{id}"));
        }
        if let Some(own) = resource::id(&item.resource)
            && own != id
        {
            names.insert(format!("{kind}/{own}"), format!("{kind}/{id}"));
        }
        ids.push(id);
    }
    Ok(items
        .into_iter()
        .zip(ids)
        .map(|(item, id)| {
            let mut body = item.resource.clone();
            reference::rewrite(&mut body, |text| names.get(text).cloned());
            resource::set_id(&mut body, &id);
            let operation = if item.keep_id {
                WriteOp::Put {
                    resource: body,
                    expect: Expect::Anything,
                }
            } else {
                WriteOp::Create { id, resource: body }
            };
            (item.entry, operation)
        })
        .collect())
}

/// The id that a resource would like: its own, or the one in its name.
fn wish(item: &Item) -> Option<String> {
    let own = resource::id(&item.resource).map(str::to_owned);
    own.or_else(|| {
        item.full_url
            .as_deref()?
            .strip_prefix("urn:uuid:")
            .map(str::to_owned)
    })
    .filter(|id| resource::valid_id(id))
}

/// An id that the same entry of the same file gets every time.
fn derived(piece: &Piece, item: &Item) -> String {
    let digest = Sha256::new()
        .chain_update(piece.digest)
        .chain_update((item.entry as u64).to_be_bytes())
        .finalize();
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes)
        .into_uuid()
        .to_string()
}

async fn taken(
    app: &App,
    tx: &Transaction<'_>,
    wishes: &[(&str, Option<String>)],
) -> Result<HashSet<(String, String)>, StoreError> {
    let asked: Vec<(&str, &str)> = wishes
        .iter()
        .filter_map(|(kind, id)| id.as_deref().map(|id| (*kind, id)))
        .collect();
    let (kinds, ids): (Vec<&str>, Vec<&str>) = asked.into_iter().unzip();
    let rows = tx
        .query(
            "SELECT r.resource_type, r.id FROM resource r \
             JOIN unnest($2::text[], $3::text[]) AS u(resource_type, id) \
               ON r.resource_type = u.resource_type AND r.id = u.id \
             WHERE r.tenant = $1",
            &[&app.tenant.id, &kinds, &ids],
        )
        .await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Key under which a piece is remembered. Keyed, so that the database does not tell which
/// published files were imported.
pub fn memory_key(app: &App, piece: &Piece) -> Uuid {
    app.blind
        .of("import", "file")
        .name(&hex::encode(piece.digest))
}
