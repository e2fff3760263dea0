//! The open cache: a writer, a few readers, named transactions.

use std::fs::OpenOptions;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use ledger::chain::Head;
use rusqlite::{Connection, TransactionBehavior};
use uuid::Uuid;

use crate::error::{OpenError, StoreError};
use crate::key::CacheKey;
use crate::records::Places;
use crate::scope::Sealer;
use crate::{migrations, open};

/// Connections that may read at once. The first is used again whenever it is free, so that its
/// pages stay warm; a chart and a background count need no more than three.
const READERS: usize = 3;

/// An open cache. Dropping it closes every connection; SQLCipher wipes its keys.
pub struct Cache {
    path: PathBuf,
    key: CacheKey,
    pub(crate) writer: Mutex<Writer>,
    readers: Mutex<Readers>,
    reader_back: Condvar,
    ids: Box<dyn Fn() -> Uuid + Send + Sync>,
    sealer: Option<Sealer>,
}

pub(crate) struct Writer {
    /// Opened by the first write: a cache that is opened is read first.
    pub(crate) connection: Option<Connection>,
    /// Whether a commit was made that a power cut may undo; see [`Durability::Loose`].
    loose: bool,
}

struct Readers {
    idle: Vec<Connection>,
    open: usize,
}

/// How much a commit must outlive.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// A power cut: the commit returns when the disk has it.
    Full,
    /// The end of the process. After a power cut the file may stand before this commit, whole.
    /// For pages of the first fill only: records, cursor and audit link go back together, and
    /// the page is asked for again. Any full commit after it makes it durable as well.
    Loose,
}

/// What a read transaction sees: one state of the cache, whatever is written meanwhile.
pub struct Reading<'a> {
    pub(crate) connection: &'a Connection,
}

/// A write transaction. Everything in it happens, or nothing.
pub struct Writing<'a> {
    reading: Reading<'a>,
    pub(crate) places: Places,
    pub(crate) ids: &'a (dyn Fn() -> Uuid + Send + Sync),
    pub(crate) sealer: Option<&'a Sealer>,
}

impl<'a> Deref for Writing<'a> {
    type Target = Reading<'a>;

    fn deref(&self) -> &Reading<'a> {
        &self.reading
    }
}

impl Cache {
    /// Makes a new cache at `path`, readable by this user alone. `genesis` is the head that the
    /// device's audit chain starts from.
    pub fn create(path: &Path, key: &CacheKey, genesis: &Head) -> Result<Self, OpenError> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        // WAL and shared memory take over the mode of the file.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => OpenError::Exists,
            std::io::ErrorKind::StorageFull => OpenError::DiskFull,
            _ => OpenError::Io(error),
        })?;
        let made = Self::fill_new(path, key, genesis);
        if made.is_err() {
            // Half a cache would be taken for a damaged one; nothing is in it yet.
            for suffix in ["", "-wal", "-shm"] {
                let mut name = path.as_os_str().to_owned();
                name.push(suffix);
                let _ = std::fs::remove_file(name);
            }
        }
        made
    }

    fn fill_new(path: &Path, key: &CacheKey, genesis: &Head) -> Result<Self, OpenError> {
        let connection = open::connect(path, key)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        let cache = Self::around(path, key, connection)?;
        cache.write("create", |tx| tx.begin_chain(genesis))?;
        Ok(cache)
    }

    /// Opens the cache at `path`.
    pub fn open(path: &Path, key: &CacheKey) -> Result<Self, OpenError> {
        match std::fs::metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(OpenError::Missing);
            }
            Err(error) => return Err(OpenError::Io(error)),
            // SQLite would take an empty file for a new database.
            Ok(facts) if facts.len() == 0 => return Err(OpenError::Corrupt(None)),
            Ok(_) => {}
        }
        Self::around(path, key, open::connect(path, key)?)
    }

    fn around(path: &Path, key: &CacheKey, mut connection: Connection) -> Result<Self, OpenError> {
        migrations::migrate(&mut connection)?;
        Ok(Self {
            path: path.to_owned(),
            key: key.clone(),
            writer: Mutex::new(Writer {
                connection: None,
                loose: false,
            }),
            readers: Mutex::new(Readers {
                idle: vec![connection],
                open: 1,
            }),
            reader_back: Condvar::new(),
            ids: Box::new(Uuid::new_v4),
            sealer: None,
        })
    }

    /// The same cache with another source of ids, so that a test can be repeated.
    #[must_use]
    pub fn with_ids(mut self, ids: impl Fn() -> Uuid + Send + Sync + 'static) -> Self {
        self.ids = Box::new(ids);
        self
    }

    /// How work is sealed that may not stay here when its chart leaves. Without it a page that takes
    /// such a chart away is refused whole.
    pub fn seal_with(&mut self, sealer: Sealer) {
        self.sealer = Some(sealer);
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of the file and its write-ahead log.
    pub fn size(&self) -> u64 {
        ["", "-wal"]
            .iter()
            .filter_map(|suffix| {
                let mut name = self.path.as_os_str().to_owned();
                name.push(suffix);
                std::fs::metadata(name).ok()
            })
            .map(|facts| facts.len())
            .sum()
    }

    /// Reads one consistent state.
    pub fn read<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Reading<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let lease = self.lease()?;
        let connection = lease.connection()?;
        let snapshot = Snapshot::take(connection)?;
        let value = work(&Reading { connection });
        drop(snapshot);
        value
    }

    /// Runs a write transaction; the name serves traces. Returns when the disk has it.
    pub fn write<T, E: From<StoreError>>(
        &self,
        name: &'static str,
        work: impl FnOnce(&mut Writing<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.write_as(Durability::Full, name, work)
    }

    pub(crate) fn write_as<T, E: From<StoreError>>(
        &self,
        durability: Durability,
        name: &'static str,
        work: impl FnOnce(&mut Writing<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut writer = self.writer();
        let begun = Instant::now();
        let loose = durability == Durability::Loose;
        let connection = self.connected(&mut writer)?;
        if loose {
            set_synchronous(connection, "NORMAL")?;
        }
        let result = transact(connection, &*self.ids, self.sealer.as_ref(), work);
        if loose {
            // Back to the rule even when the page failed.
            set_synchronous(connection, "FULL")?;
        }
        // A full transaction that changed nothing has synced nothing either.
        if loose && result.is_ok() {
            writer.loose = true;
        }
        tracing::debug!(
            transaction = name,
            micros = begun.elapsed().as_micros() as u64,
            ok = result.is_ok()
        );
        result
    }

    /// Makes every commit so far outlive a power cut. Needed before the outside is told of
    /// something that a loose commit wrote.
    pub(crate) fn make_durable(&self) -> Result<(), StoreError> {
        let mut writer = self.writer();
        if writer.loose {
            // Any full commit syncs the whole log.
            let sealer = self.sealer.as_ref();
            transact(self.connected(&mut writer)?, &*self.ids, sealer, |tx| {
                tx.connection
                    .execute("UPDATE feed SET stored = stored WHERE one = 1", [])?;
                Ok::<_, StoreError>(())
            })?;
            writer.loose = false;
        }
        Ok(())
    }

    /// Carries the write-ahead log over into the file, as far as readers allow.
    pub(crate) fn checkpoint(&self) -> Result<(), StoreError> {
        let mut writer = self.writer();
        self.connected(&mut writer)?
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        Ok(())
    }

    fn connected<'w>(&self, writer: &'w mut Writer) -> Result<&'w mut Connection, StoreError> {
        match &mut writer.connection {
            Some(connection) => Ok(connection),
            empty => {
                Ok(empty.insert(open::connect(&self.path, &self.key).map_err(as_store_error)?))
            }
        }
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        // A panic inside a transaction rolled it back: the connection is sound.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(crate) fn is_loose(&self) -> bool {
        self.writer().loose
    }

    #[cfg(test)]
    pub(crate) fn on_writer<T>(&self, work: impl FnOnce(&Connection) -> T) -> T {
        let mut writer = self.writer();
        work(self.connected(&mut writer).unwrap())
    }

    /// The readers that nobody uses, but for the one that is used first.
    pub(crate) fn spare_readers(&self) -> Vec<Connection> {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        let first = readers.idle.len().min(1);
        let spare = readers.idle.split_off(first);
        readers.open -= spare.len();
        drop(readers);
        self.reader_back.notify_all();
        spare
    }

    fn lease(&self) -> Result<Lease<'_>, StoreError> {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(connection) = readers.idle.pop() {
                return Ok(Lease {
                    cache: self,
                    connection: Some(connection),
                });
            }
            if readers.open < READERS {
                readers.open += 1;
                break;
            }
            readers = self
                .reader_back
                .wait(readers)
                .unwrap_or_else(PoisonError::into_inner);
        }
        drop(readers);
        let mut lease = Lease {
            cache: self,
            connection: None,
        };
        lease.connection = Some(open::connect(&self.path, &self.key).map_err(as_store_error)?);
        Ok(lease)
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").finish_non_exhaustive()
    }
}

/// A read transaction; ends when dropped. Its statements are kept prepared: a chart opens a
/// few of them, and parsing would cost as much as a warm read.
struct Snapshot<'a>(&'a Connection);

impl<'a> Snapshot<'a> {
    fn take(connection: &'a Connection) -> Result<Self, StoreError> {
        connection.prepare_cached("BEGIN")?.execute([])?;
        Ok(Self(connection))
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        // Nothing was written. If SQLite ended the transaction itself, there is none to end.
        if !self.0.is_autocommit() {
            let ended = self
                .0
                .prepare_cached("ROLLBACK")
                .and_then(|mut end| end.execute([]));
            if let Err(error) = ended {
                tracing::warn!(code = ?error.sqlite_error_code(), "a read transaction did not end");
            }
        }
    }
}

/// A reader on loan; goes back, or makes room for a new one, when dropped.
struct Lease<'a> {
    cache: &'a Cache,
    connection: Option<Connection>,
}

impl Lease<'_> {
    fn connection(&self) -> Result<&Connection, StoreError> {
        self.connection.as_ref().ok_or(StoreError::Busy)
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut readers = self
            .cache
            .readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match self.connection.take() {
            Some(connection) => readers.idle.push(connection),
            None => readers.open -= 1,
        }
        drop(readers);
        self.cache.reader_back.notify_one();
    }
}

fn transact<T, E: From<StoreError>>(
    connection: &mut Connection,
    ids: &(dyn Fn() -> Uuid + Send + Sync),
    sealer: Option<&Sealer>,
    work: impl FnOnce(&mut Writing<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let tx = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(StoreError::from)?;
    let mut writing = Writing {
        reading: Reading { connection: &tx },
        places: Places::default(),
        ids,
        sealer,
    };
    let value = work(&mut writing)?;
    writing.flush_seen()?;
    drop(writing);
    // A commit that fails (a full disk) leaves the transaction open; dropping it rolls back.
    tx.commit().map_err(StoreError::from)?;
    Ok(value)
}

fn set_synchronous(connection: &Connection, level: &str) -> Result<(), StoreError> {
    connection.pragma_update(None, "synchronous", level)?;
    Ok(())
}

/// Opening another connection to a file that is open already fails like any other operation.
fn as_store_error(error: OpenError) -> StoreError {
    match error {
        OpenError::DiskFull => StoreError::DiskFull,
        OpenError::Busy => StoreError::Busy,
        OpenError::Corrupt(source) => StoreError::Corrupt(source),
        OpenError::Sql(source) => StoreError::Sql(source),
        OpenError::Io(source) => {
            StoreError::Io(rusqlite::Error::ToSqlConversionFailure(Box::new(source)))
        }
        // The file was replaced under us: as bad as damaged.
        OpenError::WrongKey | OpenError::Newer { .. } | OpenError::Missing | OpenError::Exists => {
            StoreError::Corrupt(None)
        }
    }
}
