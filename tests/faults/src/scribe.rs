//! Writes into a cache without a workstation around it, and knows what must be there afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cache::{Cache, CacheKey, Change, Draft, OpenError, Standing, StoreError, Write};
use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use ledger::chain::{self, ChainError, Head, Link};
use protocol::sync::{SyncEntry, SyncPage};
use protocol::upload::{Fate, StoredVersion, UploadFate, UploadReply};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::chance::Chance;

/// Pages of the first filling, whose commits a power cut may undo whole.
const FIRST_FILLING: u64 = 8;
/// Records of a page.
const PAGE: u64 = 5;
/// Drafts that are written by turns.
const DRAFTS: u64 = 3;

/// One deed; a transaction, or two for [`Deed::Settle`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deed {
    /// Typing.
    Draft {
        /// Which draft.
        slot: u64,
        /// All of its text.
        text: String,
    },
    /// A record written here.
    Put {
        /// Its number.
        number: u64,
    },
    /// An access that changed nothing.
    Record,
    /// A page of the feed.
    Page {
        /// Its number, from one.
        number: u64,
    },
    /// Everything in the outbox is sent and accepted.
    Settle,
}

/// What a scribe says, a line each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// About to do this.
    Begin(Deed),
    /// It is done, and durable.
    Done,
    /// It was not done; the stable code says why.
    Failed(String),
}

fn key() -> CacheKey {
    CacheKey::new([42; 32])
}

fn seal(head: &Head) -> Result<Link, ChainError> {
    let event = json!({ "resourceType": "AuditEvent", "n": head.number });
    chain::append(head, event, &SigningKey::from_bytes(&[7; 32]))
}

fn at(number: u64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + number.cast_signed()).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn patient(id: &str, note: &str) -> Value {
    json!({
        "resourceType": "Patient", "id": id, "gender": "female", "birthDate": "1980-03-14",
        "name": [{ "family": "Okafor", "given": [id] }],
        "text": { "status": "generated", "div": format!("<div>{note}</div>") },
    })
}

/// Its text goes into the full-text index.
fn problem(number: u64, text: &str) -> Value {
    json!({
        "resourceType": "Condition", "id": format!("problem-{number}"),
        "code": { "text": format!("{text} number{number}") },
        "subject": { "reference": format!("Patient/{}", put_id(number)) },
    })
}

fn put_id(number: u64) -> String {
    format!("mine-{number}")
}

fn fed_id(page: u64, number: u64) -> String {
    format!("fed-{page}-{number}")
}

fn draft_id(slot: u64) -> Uuid {
    Uuid::from_u128(u128::from(slot) + 1)
}

fn page(number: u64) -> Result<SyncPage, StoreError> {
    let mut entries = Vec::new();
    for n in 0..PAGE {
        let mut resource = patient(&fed_id(number, n), "fed");
        fhir::resource::set_meta(&mut resource, 1, at(number));
        let text = RawValue::from_string(resource.to_string()).map_err(|source| {
            StoreError::Unreadable {
                what: "page",
                source,
            }
        })?;
        entries.push(SyncEntry {
            resource_type: "Patient".to_owned(),
            id: fed_id(number, n),
            version: 1,
            last_updated: at(number),
            patient: Some(fed_id(number, n)),
            resource: Some(text),
            author: None,
        });
    }
    Ok(SyncPage {
        cursor: cursor(number),
        entries,
        more: number < FIRST_FILLING,
        remaining: 0,
        scope: None,
        life: None,
        links: None,
    })
}

fn cursor(page: u64) -> String {
    format!("c{page}")
}

/// How much was written so far: what the next scribe goes on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SoFar {
    /// Records of our own.
    pub puts: u64,
    /// Pages.
    pub pages: u64,
}

/// The one who writes.
pub struct Scribe {
    cache: Cache,
    chance: Chance,
    so_far: SoFar,
    written: u64,
}

impl Scribe {
    /// Makes the cache of a new disk.
    pub fn create(path: &Path) -> Result<(), OpenError> {
        Cache::create(path, &key(), &Head::genesis(Uuid::from_u128(5))).map(drop)
    }

    /// Opens the cache.
    pub fn open(path: &Path, seed: u64, so_far: SoFar) -> Result<Self, OpenError> {
        Ok(Self {
            cache: Cache::open(path, &key())?,
            chance: Chance::new(seed),
            so_far,
            written: 0,
        })
    }

    /// Goes on from what was found to be there.
    pub fn go_on(&mut self, so_far: SoFar) {
        self.so_far = so_far;
    }

    /// The next deed, as chance wills.
    pub fn choose(&mut self) -> Deed {
        self.written += 1;
        match self.chance.below(10) {
            0..=3 => {
                let long = if self.chance.once_in(6) { 3_000 } else { 8 };
                let words = self.chance.below(long) + 1;
                Deed::Draft {
                    slot: self.chance.below(DRAFTS),
                    text: format!("{} {}", self.chance.draw(), "word ".repeat(words as usize)),
                }
            }
            4..=5 => Deed::Put {
                number: self.so_far.puts,
            },
            6 => Deed::Record,
            7..=8 => Deed::Page {
                number: self.so_far.pages + 1,
            },
            _ => Deed::Settle,
        }
    }

    /// Does it. When this returns well, it is durable, pages of the first filling aside.
    pub fn act(&mut self, deed: &Deed) -> Result<(), StoreError> {
        match deed {
            Deed::Draft { slot, text } => {
                let draft = Draft {
                    id: draft_id(*slot),
                    patient: put_id(0),
                    body: json!({ "subjective": text }),
                    begun: at(0),
                    changed: at(self.written),
                };
                self.cache.write("draft", |tx| tx.keep_draft(&draft))
            }
            Deed::Put { number } => {
                let note = "limps ".repeat(if number % 7 == 3 { 9_000 } else { 20 });
                let put = |resource| Write::Put {
                    resource,
                    base: None,
                };
                let change = Change {
                    label: "faults".to_owned(),
                    writes: vec![
                        put(patient(&put_id(*number), "mine")),
                        put(problem(*number, &note)),
                    ],
                    at: at(*number),
                };
                self.cache
                    .write("put", |tx| tx.change(&change, seal).map(drop))?;
                self.so_far.puts = number + 1;
                Ok(())
            }
            Deed::Record => self.cache.record(seal).map(drop),
            Deed::Page { number } => {
                self.cache.apply_page(&page(*number)?, at(*number), seal)?;
                self.so_far.pages = *number;
                Ok(())
            }
            Deed::Settle => self.settle(),
        }
    }

    fn settle(&self) -> Result<(), StoreError> {
        let batch = self.cache.read(|cache| cache.upload_batch(100))?;
        let keys: Vec<Uuid> = batch.iter().map(|entry| entry.key).collect();
        self.cache.write("send", |tx| tx.mark_sent(&keys))?;
        let lines = self.cache.read(|cache| cache.outbox())?;
        let accepted = |records: Vec<(String, String)>| Fate::Accepted {
            versions: records
                .into_iter()
                .map(|(resource_type, id)| StoredVersion {
                    resource_type,
                    id,
                    version: 1,
                    last_updated: at(1),
                })
                .collect(),
        };
        let fates = lines
            .into_iter()
            .filter(|line| keys.contains(&line.key))
            .map(|line| UploadFate {
                key: line.key,
                fate: accepted(line.records),
            })
            .collect();
        self.cache.write("fates", |tx| {
            tx.apply_fates(&UploadReply { fates }, at(2)).map(drop)
        })
    }
}

/// What must be there, from what was said.
#[derive(Debug, Default)]
pub struct Expected {
    drafts: BTreeMap<u64, String>,
    put: BTreeSet<u64>,
    settled: BTreeSet<u64>,
    records: u64,
    /// Pages that a power cut must leave.
    safe_pages: u64,
    pages: u64,
    begun: Option<Deed>,
}

impl Expected {
    /// What was written so far.
    #[must_use]
    pub fn so_far(&self) -> SoFar {
        SoFar {
            puts: self.put.last().map_or(0, |last| last + 1),
            pages: self.pages,
        }
    }

    /// Takes in what the scribe says.
    pub fn hear(&mut self, word: Word) {
        match word {
            Word::Begin(deed) => self.begun = Some(deed),
            Word::Failed(_) => {}
            Word::Done => {
                let Some(deed) = self.begun.take() else {
                    return;
                };
                // Settling an empty outbox changes nothing, and so syncs nothing.
                let loose = match deed {
                    Deed::Page { number } => number < FIRST_FILLING,
                    Deed::Settle => true,
                    _ => false,
                };
                self.did(deed);
                if !loose {
                    // Any full commit makes the loose ones before it durable.
                    self.safe_pages = self.pages;
                }
            }
        }
    }

    fn did(&mut self, deed: Deed) {
        match deed {
            Deed::Draft { slot, text } => {
                self.drafts.insert(slot, text);
            }
            Deed::Put { number } => {
                self.put.insert(number);
            }
            Deed::Record => self.records += 1,
            Deed::Page { number } => self.pages = number,
            Deed::Settle => self.settled = self.put.clone(),
        }
    }

    /// Looks at what is there, and goes on from it. The deed that was cut off may have happened.
    ///
    /// # Errors
    /// What is lost, doubled or damaged, in words.
    pub fn check(&mut self, path: &Path) -> Result<(), String> {
        let cache = Cache::open(path, &key()).map_err(|error| format!("opening: {error:?}"))?;
        let whole = cache
            .check()
            .map_err(|error| format!("checking: {error:?}"))?;
        if !whole.is_whole() {
            return Err(format!("the file is damaged: {whole:?}"));
        }
        let begun = self.begun.take();
        self.look(&cache, begun.as_ref())
    }

    fn look(&mut self, cache: &Cache, begun: Option<&Deed>) -> Result<(), String> {
        let read = |error: StoreError| format!("reading: {error:?}");
        let (drafts, outbox, head, position, count) = cache
            .read(|cache| {
                Ok::<_, StoreError>((
                    cache.drafts()?,
                    cache.outbox()?,
                    cache.head()?.number,
                    cache.position()?.cursor,
                    cache.record_count()?,
                ))
            })
            .map_err(read)?;
        let standing = |id: &str| {
            cache
                .read(|cache| {
                    let record = cache.record("Patient", id)?;
                    Ok::<_, StoreError>(record.map(|record| record.standing))
                })
                .map_err(read)
        };

        // Drafts: what was kept last, or what was being kept.
        let found: BTreeMap<u64, String> = drafts
            .iter()
            .filter_map(|draft| {
                let slot = draft.id.as_u128().checked_sub(1)? as u64;
                Some((slot, draft.body["subjective"].as_str()?.to_owned()))
            })
            .collect();
        let mut wanted = self.drafts.clone();
        if let Some(Deed::Draft { slot, text }) = begun
            && found.get(slot) == Some(text)
        {
            wanted.insert(*slot, text.clone());
        }
        if found != wanted {
            return Err("a draft is not what was typed".to_owned());
        }
        self.drafts = wanted;

        // Records of our own, each with its place in the outbox.
        if let Some(Deed::Put { number }) = begun
            && standing(&put_id(*number))?.is_some()
        {
            self.put.insert(*number);
        }
        let waiting: BTreeSet<&str> = outbox
            .iter()
            .flat_map(|line| &line.records)
            .filter(|(resource_type, _)| resource_type == "Patient")
            .map(|(_, id)| id.as_str())
            .collect();
        if waiting.len() != outbox.len() {
            return Err("a change waits twice".to_owned());
        }
        if begun == Some(&Deed::Settle) && waiting.is_empty() {
            self.settled = self.put.clone();
        }
        for number in &self.put {
            let id = put_id(*number);
            let stands = standing(&id)?.ok_or_else(|| format!("{id} is lost"))?;
            let is_settled = self.settled.contains(number);
            if waiting.contains(id.as_str()) == is_settled
                || (stands == Standing::Confirmed) != is_settled
            {
                return Err(format!("{id} stands {stands:?}, accepted: {is_settled}"));
            }
            let hits = cache
                .read(|cache| cache.search_text(&format!("number{number}"), Some(&id), 5))
                .map_err(read)?;
            if hits.len() != 1 {
                return Err(format!("{} problems of {id} are found", hits.len()));
            }
        }

        // The feed: every page up to the cursor, and nothing beyond it.
        let pages = match &position {
            None => 0,
            Some(cursor) => cursor[1..]
                .parse()
                .map_err(|_| "what a cursor".to_owned())?,
        };
        let most = match begun {
            Some(Deed::Page { number }) => *number,
            _ => self.pages,
        };
        if pages < self.safe_pages || pages > most {
            return Err(format!(
                "the cursor is at {pages}, safe were {}, begun {most}",
                self.safe_pages
            ));
        }
        for page in 1..=pages {
            for n in 0..PAGE {
                if standing(&fed_id(page, n))? != Some(Standing::Confirmed) {
                    return Err(format!("the cursor is ahead of {}", fed_id(page, n)));
                }
            }
        }
        let all = 2 * self.put.len() as u64 + pages * PAGE;
        if count != all {
            return Err(format!("{count} records, wanted {all}"));
        }
        (self.pages, self.safe_pages) = (pages, pages);

        // One link for each change, page and access.
        let others = self.put.len() as u64 + pages;
        if begun == Some(&Deed::Record) && head == others + self.records + 1 {
            self.records += 1;
        }
        if head != others + self.records {
            return Err(format!(
                "{head} links for {others} changes and {} accesses",
                self.records
            ));
        }
        Ok(())
    }
}
