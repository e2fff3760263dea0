//! Looks for records that may be one person's, after what was stored or written may have brought
//! some: in small steps, so that nobody waits for it.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::Ground;

/// Between two steps, for whoever waits to write.
const PAUSE: Duration = Duration::from_millis(20);

/// Compares until nobody is left. Answers how many pairs wait for the user; nothing when the
/// profile was locked meanwhile or the cache failed, which its next use will tell.
pub(super) fn compare(ground: &Ground) -> BoxFuture<'static, Option<u32>> {
    let door = ground.door.clone();
    Box::pin(async move {
        loop {
            let (more, pairs) = door.work(|desk| desk.compare_some()).await.ok()?;
            if !more {
                return Some(pairs);
            }
            tokio::time::sleep(PAUSE).await;
        }
    })
}
