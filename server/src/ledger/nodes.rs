//! Hashes of the tree as they are stored: the leaves and each eighth level.

use std::collections::HashMap;

use deadpool_postgres::GenericClient;
use ledger::tree::{self, Frontier, Hash, Node};
use uuid::Uuid;

use crate::ledger::{hash_of, signed};
use crate::store::error::StoreError;

/// The hashes of `nodes`, in two round trips. One whose rows are not all there is left out.
///
/// # Errors
/// When the database refuses.
pub async fn hashes(
    client: &impl GenericClient,
    tenant: Uuid,
    nodes: &[Node],
) -> Result<HashMap<Node, Hash>, StoreError> {
    let (mut leaf_from, mut leaf_to) = (Vec::new(), Vec::new());
    let (mut levels, mut from, mut to) = (Vec::new(), Vec::new(), Vec::new());
    for node in nodes {
        let stored = node.stored();
        let range = (signed(stored.from), signed(stored.to));
        if stored.level == 0 {
            leaf_from.push(range.0);
            leaf_to.push(range.1);
        } else {
            levels.push(i16::from(stored.level));
            from.push(range.0);
            to.push(range.1);
        }
    }
    let mut stored: HashMap<Node, Hash> = HashMap::new();
    if !leaf_from.is_empty() {
        let statement = client
            .prepare_cached(
                "SELECT l.position, l.leaf \
                 FROM unnest($2::bigint[], $3::bigint[]) AS r(first, beyond) \
                 JOIN ledger_leaf l \
                   ON l.tenant = $1 AND l.position >= r.first AND l.position < r.beyond",
            )
            .await?;
        let rows = client
            .query(&statement, &[&tenant, &leaf_from, &leaf_to])
            .await?;
        for row in rows {
            let index = row.get::<_, i64>(0).unsigned_abs();
            if let Some(hash) = hash_of(row.get(1)) {
                stored.insert(Node { level: 0, index }, hash);
            }
        }
    }
    if !levels.is_empty() {
        let statement = client
            .prepare_cached(
                "SELECT n.level, n.number, n.hash \
                 FROM unnest($2::smallint[], $3::bigint[], $4::bigint[]) AS r(level, first, beyond) \
                 JOIN ledger_node n ON n.tenant = $1 AND n.level = r.level \
                  AND n.number >= r.first AND n.number < r.beyond",
            )
            .await?;
        let rows = client
            .query(&statement, &[&tenant, &levels, &from, &to])
            .await?;
        for row in rows {
            let Ok(level) = u8::try_from(row.get::<_, i16>(0)) else {
                continue;
            };
            let index = row.get::<_, i64>(1).unsigned_abs();
            if let Some(hash) = hash_of(row.get(2)) {
                stored.insert(Node { level, index }, hash);
            }
        }
    }
    let folded = nodes.iter().filter_map(|node| {
        let of = node.stored();
        let hashes: Option<Vec<Hash>> = (of.from..of.to)
            .map(|index| {
                let level = of.level;
                stored.get(&Node { level, index }).copied()
            })
            .collect();
        Some((*node, tree::fold(&hashes?)?))
    });
    Ok(folded.collect())
}

/// The right edge of the tree of `size` leaves; none if rows of it are missing.
///
/// # Errors
/// When the database refuses.
pub async fn frontier(
    client: &impl GenericClient,
    tenant: Uuid,
    size: u64,
) -> Result<Option<Frontier>, StoreError> {
    let nodes = Frontier::nodes(size);
    let hashes = hashes(client, tenant, &nodes).await?;
    let peaks: Option<Vec<Hash>> = nodes.iter().map(|node| hashes.get(node).copied()).collect();
    Ok(peaks.and_then(|peaks| Frontier::of(size, peaks)))
}
