//! What each link of a batch is worth.

use std::collections::HashSet;

use ed25519_dalek::VerifyingKey;
use ledger::chain::{self, ChainError, Head, Link};
use ledger::glance::Glance;
use uuid::Uuid;

use crate::app::App;
use crate::audit::append::Entry;
use crate::audit::chain::breaks::offered;
use crate::audit::chain::{BatchError, signed};

/// What is done with links that do not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The first of them ends the weighing.
    Strict,
    /// They are evidence all the same: a new life, or set aside.
    Insisted,
}

/// What is known when a batch comes.
pub struct Scale<'a> {
    pub app: &'a App,
    pub device: Uuid,
    pub key: VerifyingKey,
    /// Accounts that were ever enrolled on the device: events may have waited there for long.
    pub users: HashSet<Uuid>,
    /// Numbers and hashes of links that the server holds.
    pub held: HashSet<(i64, String)>,
    /// Ids of the batch's events that are another event's.
    pub taken: HashSet<Uuid>,
    /// Where the chain stands.
    pub head: Head,
    pub life: i32,
}

/// What a batch comes to.
pub struct Weighed<'a> {
    /// Links with their events, each with the life that it belongs to.
    pub events: Vec<(i32, &'a Link, Entry)>,
    /// Links that are set aside, each with the code of what is wrong.
    pub aside: Vec<(i32, &'a Link, &'static str)>,
    /// Where the chain stands then.
    pub head: Head,
    pub life: i32,
}

impl Scale<'_> {
    /// Weighs a batch.
    ///
    /// # Errors
    /// Under [`Rule::Strict`] the first link that does not fit: its index, and why. Under
    /// [`Rule::Insisted`] only a link that has no number.
    pub fn weigh<'l>(
        &self,
        links: &'l [Link],
        rule: Rule,
    ) -> Result<Weighed<'l>, (usize, BatchError)> {
        let mut weighed = Weighed {
            events: Vec::with_capacity(links.len()),
            aside: Vec::new(),
            head: self.head.clone(),
            life: self.life,
        };
        let mut ids = self.taken.clone();
        for (index, link) in links.iter().enumerate() {
            // Sent again because a reply was lost: the very same links are held already.
            if self.held.contains(&(signed(link.number), claimed(link))) {
                continue;
            }
            // Numbers count from 1: this is no workstation's.
            if link.number == 0 {
                return Err((index, ChainError::Malformed { number: 0 }.into()));
            }
            let refused = match self.next(&weighed.head, link) {
                Ok(entry) if ids.insert(entry.id) => {
                    weighed.head = link.head();
                    weighed.events.push((weighed.life, link, entry));
                    continue;
                }
                Ok(_) => refused(link, "its id is another event's"),
                Err(error) => error,
            };
            if rule == Rule::Strict {
                return Err((index, refused));
            }
            if begins_anew(&refused) {
                weighed.life += 1;
                let before = Head {
                    number: link.number.saturating_sub(1),
                    hash: link.previous.clone(),
                };
                match self.continues(&before, link) {
                    Ok(entry) if ids.insert(entry.id) => {
                        weighed.events.push((weighed.life, link, entry));
                    }
                    Ok(_) => weighed
                        .aside
                        .push((weighed.life, link, "chain-event-refused")),
                    Err(error) => weighed.aside.push((weighed.life, link, error.code())),
                }
            } else {
                weighed.aside.push((weighed.life, link, refused.code()));
            }
            weighed.head = Head {
                number: link.number,
                hash: claimed(link),
            };
        }
        Ok(weighed)
    }

    /// Whether all of these are held already.
    pub fn holds(&self, links: &[Link]) -> bool {
        links
            .iter()
            .all(|link| self.held.contains(&(signed(link.number), claimed(link))))
    }

    /// The event of a link that goes on from `head`.
    fn next(&self, head: &Head, link: &Link) -> Result<Entry, BatchError> {
        if link.number <= self.head.number && *head == self.head {
            // Not held, or it would not have come here.
            let genesis = Head::genesis(self.device);
            return Err(if link.number == 1 && link.previous == genesis.hash {
                BatchError::Reset {
                    known: self.head.number,
                }
            } else {
                BatchError::Rewritten {
                    number: link.number,
                }
            });
        }
        self.continues(head, link)
    }

    fn continues(&self, head: &Head, link: &Link) -> Result<Entry, BatchError> {
        chain::verify(head, std::slice::from_ref(link), &self.key)?;
        if let Err(issues) = self.app.validator.validate(&link.event) {
            let first = issues.first().map(ToString::to_string).unwrap_or_default();
            return Err(refused(
                link,
                &format!("it is not a valid AuditEvent: {first}"),
            ));
        }
        let glance = Glance::of(&link.event)
            .ok_or_else(|| refused(link, "it is not an event that a workstation records"))?;
        if glance.recorded_by != Some(self.device) {
            return Err(refused(link, "it was recorded by another device"));
        }
        if glance.user.is_some_and(|user| !self.users.contains(&user)) {
            return Err(refused(link, "its user is not enrolled on this device"));
        }
        if !glance
            .patients
            .iter()
            .all(|id| fhir::resource::valid_id(id))
        {
            return Err(refused(link, "it names a patient that no record can be of"));
        }
        Ok(Entry {
            id: glance.id,
            recorded: glance.recorded,
            action: glance.action.code(),
            success: glance.success,
            account: glance.user,
            role: glance.role,
            device: self.device,
            patients: glance.patients,
            event: link.event.clone(),
        })
    }
}

/// The hash that a link claims; where it is none, a hash of the whole link stands for it.
pub fn claimed(link: &Link) -> String {
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if link.hash.len() == 64 && link.hash.bytes().all(hex) {
        link.hash.clone()
    } else {
        offered(Some(link))
    }
}

/// Whether the link stands elsewhere than where the chain does; otherwise only its content is
/// wrong.
fn begins_anew(error: &BatchError) -> bool {
    match error {
        BatchError::Reset { .. } | BatchError::Rewritten { .. } => true,
        BatchError::Broken(error) => matches!(
            error,
            ChainError::Gap { .. } | ChainError::Replay { .. } | ChainError::NotContinuing { .. }
        ),
        BatchError::Event { .. } | BatchError::Store(_) => false,
    }
}

fn refused(link: &Link, reason: &str) -> BatchError {
    BatchError::Event {
        number: link.number,
        reason: reason.to_owned(),
    }
}
