//! What every part of the serving program shares, constructed whole before anything is served.

use std::sync::Arc;

use access::PolicySet;
use deadpool_postgres::Pool;
use fhir::validate::Validator;
use jiff::Timestamp;
use uuid::Uuid;

use crate::audit::recorder::{self, Recorder};
use crate::config::Config;
use crate::identity::oidc::Provider;
use crate::identity::oidc::provider::ProviderError;
use crate::identity::remembered::Remembered;
use crate::ledger::{self, Ledger};
use crate::search::blind::Blind;
use crate::store::announce::Announcer;
use crate::store::connect::Plans;
use crate::store::error::StoreError;
use crate::store::keys::{KeyRing, Masters};
use crate::store::reads::{self, Reads};
use crate::store::{connect, tenant};
use crate::visits::Hub;
use crate::visits::page::{Page, PageError};

/// Tells the time. Tests bring their own.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Connections of the lanes of recorder and reads, and of the sequencer.
const STEADY: usize = recorder::LANES + reads::LANES + 1;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// The clinic that this server serves.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// First column of every row.
    pub id: Uuid,
    /// Name for people.
    pub name: String,
    /// IANA name.
    pub time_zone: String,
    /// HPKE public key of recovery slots, base64url without padding.
    pub recovery_public_key: String,
    /// Life of the database; changes with a restore.
    pub epoch: Uuid,
}

/// The serving program's state.
pub struct App {
    /// Settings.
    pub config: Config,
    /// Connections as the application's role.
    pub pool: Pool,
    /// Connections for reads by name and for writes: [`Plans::Kept`].
    pub fixed: Pool,
    /// The clinic.
    pub tenant: Tenant,
    /// Data keys, opened as they are needed.
    pub keys: Arc<KeyRing>,
    /// Keyed hashes of what can be searched.
    pub blind: Blind,
    /// HL7's schema and the reference rules.
    pub validator: Validator,
    /// The Cedar policies.
    pub policies: PolicySet,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Signs and proves what was recorded.
    pub ledger: Ledger,
    /// Stores the events of concurrent readers together.
    pub recorder: Recorder,
    /// Reads what concurrent requests ask for by name together.
    pub reads: Reads,
    /// Sessions that were looked up before.
    pub sessions: Remembered,
    /// Connections of recorder, reads and sequencer: those of requests may all be held by readers
    /// who wait for them.
    pub steady: Pool,
    /// The identity provider, if there is single sign-on.
    pub single_sign_on: Option<Provider>,
    /// Tells all servers and their workstations that something was committed.
    pub announcer: Announcer,
    /// Video visits that are going on.
    pub visits: Hub,
    /// What a patient's browser is given.
    pub page: Page,
}

impl App {
    /// Connects, reads the clinic and opens its keys.
    ///
    /// # Errors
    /// When the database is not reachable or not initialised, a master key is missing, or the
    /// policies do not load.
    pub async fn start(config: Config, clock: Arc<dyn Clock>) -> Result<Arc<Self>, StartError> {
        let masters = Masters::open(&config.master_keys, &config.kms)?;
        let pool = connect::pool(&config)?;
        let client = pool.get().await.map_err(StoreError::from)?;
        let (tenant, index_key) = tenant::load(&client)
            .await?
            .ok_or(StartError::NotInitialised)?;
        drop(client);
        // From here on the database shows this clinic alone.
        let pool = connect::pool_of(&config, tenant.id, Plans::PerValue)?;
        let fixed = connect::pool_of(&config, tenant.id, Plans::Kept)?;
        let client = pool.get().await.map_err(StoreError::from)?;
        let keys = KeyRing::new(
            connect::keys_pool(&config)?,
            tenant.id,
            masters,
            config.key_limits,
        );
        keys.watch();
        let index_root = tenant::open_index_key(&keys, tenant.id, &index_key).await?;
        let blind = Blind::new(tenant.id, &index_root);
        let seed = ledger::key::open_or_make(&client, &keys, tenant.id, clock.now()).await?;
        let ledger = Ledger::new(tenant.id, &seed, config.checkpoint_file.clone())?;
        drop(client);
        let few = Config {
            connections: STEADY,
            ..config.clone()
        };
        let steady = connect::pool_of(&few, tenant.id, Plans::Kept)?;
        let recorder = Recorder::start(steady.clone(), tenant.id, Arc::clone(&clock));
        let reads = Reads::start(steady.clone(), tenant.id);
        let single_sign_on = config
            .single_sign_on
            .clone()
            .map(Provider::new)
            .transpose()?;
        let announcer = Announcer::start(pool.clone(), tenant.id);
        let page = config
            .patient_page
            .as_deref()
            .map(Page::read)
            .transpose()?
            .unwrap_or_default();
        Ok(Arc::new(Self {
            config,
            pool,
            fixed,
            tenant,
            keys,
            blind,
            validator: Validator::new(),
            policies: PolicySet::load()?,
            clock,
            ledger,
            recorder,
            reads,
            sessions: Remembered::default(),
            steady,
            single_sign_on,
            announcer,
            visits: Hub::default(),
            page,
        }))
    }

    /// A fresh logical id. Ordered by time, so that new rows land side by side in their indexes.
    pub fn new_id(&self) -> String {
        Uuid::now_v7().to_string()
    }

    /// Now, to the millisecond: what FHIR instants and the database both hold exactly.
    pub fn now(&self) -> Timestamp {
        let now = self.clock.now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database holds no clinic.
    #[error("the database is not initialised: run `rounds-server init`")]
    NotInitialised,
    /// A setting cannot be read.
    #[error("a setting cannot be used")]
    Config(#[from] crate::config::ConfigError),
    /// The master keys cannot be read.
    #[error("the master keys cannot be used")]
    MasterKeys(#[from] crate::store::keys::MastersError),
    /// The ledger's key cannot be used.
    #[error("the ledger's key cannot be used")]
    Ledger(#[from] ::ledger::checkpoint::CheckpointError),
    /// Single sign-on cannot be set up.
    #[error("single sign-on cannot be set up")]
    SingleSignOn(#[from] ProviderError),
    /// The patient's page cannot be read.
    #[error("the patient's page cannot be used")]
    Page(#[from] PageError),
    /// The database refuses.
    #[error("the database cannot be used")]
    Store(#[from] StoreError),
    /// The policies do not load.
    #[error("the access policies do not load")]
    Policies(#[from] access::LoadError),
}
