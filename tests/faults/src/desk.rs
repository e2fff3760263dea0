//! A whole workstation without a window, told what to do by lines on standard input.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use vault::slot::ArgonCost;
use workstation::Workstation;
use workstation::adapter::https::Https;
use workstation::adapter::system_browser::SystemBrowser;
use workstation::adapter::unusable::Unusable;
#[cfg(not(target_os = "linux"))]
use workstation::fault;
use workstation::port::Ports;
use workstation::port::clock::SystemClock;
use workstation::port::entropy::SystemEntropy;
use workstation::port::keychain::{Keychain, KeychainError};
use workstation::port::server::Server;
use workstation::profile::config::Config;
use workstation::profile::{Places, disk};
use workstation::view::Cause;
use workstation::view::chart::VitalsForm;
use workstation::view::fault::Fault;
use workstation::view::note::DraftForm;
use workstation::view::session::{EnrolForm, UnlockForm};
use zeroize::Zeroizing;

use crate::chance::Chance;

/// How long a run of sync may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a desk is told to do. Passwords come this way and no other, so that none stays in the
/// process by accident of its arguments or environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// First contact.
    Enrol {
        /// Sign-in name.
        username: String,
        /// Password.
        password: String,
        /// Six digits.
        code: String,
    },
    /// Open the profile.
    Unlock {
        /// Sign-in name.
        username: String,
        /// Password.
        password: String,
        /// Without a server at all, so that nothing changes while it is looked at.
        alone: bool,
    },
    /// Close it.
    Lock,
    /// Tell what is there.
    Inspect,
    /// Sync until nothing waits.
    Settle,
    /// Work on these patients as this seed wills, until the end.
    Work {
        /// The seed.
        seed: u64,
        /// Logical ids.
        patients: Vec<String>,
    },
    /// Do one thing.
    Act(Act),
}

/// What somebody at a desk does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Types: all of the text so far.
    Type {
        /// Logical id.
        patient: String,
        /// The text.
        text: String,
    },
    /// Signs what was typed.
    Sign {
        /// Logical id.
        patient: String,
    },
    /// Writes a weight down.
    Weigh {
        /// Logical id.
        patient: String,
        /// Kilograms.
        kilograms: u32,
    },
    /// Opens a chart.
    Open {
        /// Logical id.
        patient: String,
    },
    /// Looks for a patient.
    Find {
        /// Part of a name.
        query: String,
    },
    /// Asks for a run of sync, and does not wait for it.
    Sync,
}

/// What a desk answers, a line each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// Ready for orders.
    Ready,
    /// Done.
    Done,
    /// About to do this, of its own accord.
    Begin(Act),
    /// It made this record.
    Saved(String),
    /// It was not done; the stable code.
    Fault(String),
    /// What is there.
    State(State),
}

/// What is in a profile.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct State {
    /// Text of the draft, by patient.
    pub drafts: BTreeMap<String, String>,
    /// Content of the signed notes (base64), by reference.
    pub notes: BTreeMap<String, String>,
    /// References of the observations.
    pub observations: Vec<String>,
    /// Changes that wait.
    pub to_send: u32,
    /// Links that wait.
    pub audit_to_send: u32,
    /// Conflicts, refusals and unreadable records.
    pub needs_you: u32,
    /// Whether every page of the file is whole.
    pub whole: bool,
}

/// Where a desk has its things.
#[derive(Debug, Clone)]
pub struct Furniture {
    /// Folder of profiles, configuration and, if it is a file, the keychain.
    pub folder: PathBuf,
    /// `https://host:port`.
    pub server: String,
    /// PEM file.
    pub ca: PathBuf,
    /// The desktop's keychain, and not a file.
    pub secret_service: bool,
}

/// The desk.
pub struct Desk {
    furniture: Furniture,
    station: Workstation,
    drafts: BTreeMap<String, String>,
}

impl Desk {
    /// A desk nobody sits at yet.
    ///
    /// # Errors
    /// When its certificate authority cannot be used.
    pub fn new(furniture: Furniture) -> Result<Self, Fault> {
        Ok(Self {
            station: station(&furniture, false)?,
            furniture,
            drafts: BTreeMap::new(),
        })
    }

    /// Does as told; `say` is told what it does of its own accord.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn obey(&mut self, order: Order, say: &dyn Fn(&Said)) -> Result<Said, Fault> {
        match order {
            Order::Enrol {
                username,
                password,
                code,
            } => {
                let form = EnrolForm {
                    server: self.furniture.server.clone(),
                    username,
                    password,
                    code,
                    organisation: false,
                };
                self.station.enrol(form).await?;
                self.settle().await?;
            }
            Order::Unlock {
                username,
                password,
                alone,
            } => {
                self.station = station(&self.furniture, alone)?;
                let form = UnlockForm {
                    server: self.furniture.server.clone(),
                    username,
                    password,
                };
                self.station.unlock(form).await?;
            }
            Order::Lock => {
                self.drafts.clear();
                self.station.lock().await?;
            }
            Order::Inspect => return self.inspect().await.map(Said::State),
            Order::Settle => self.settle().await?,
            Order::Work { seed, patients } => self.work(seed, &patients, say).await?,
            Order::Act(act) => return self.act(&act).await,
        }
        Ok(Said::Done)
    }

    async fn settle(&self) -> Result<(), Fault> {
        loop {
            let view = self.station.settled(PATIENCE).await?;
            let rests = view.to_send == 0 && view.audit_to_send == 0 && view.first.is_none();
            if rests && view.confirmed_at.is_some() || view.needs_you > 0 {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn act(&mut self, act: &Act) -> Result<Said, Fault> {
        match act {
            Act::Type { patient, text } => {
                let known = self.drafts.get(patient).cloned();
                let known = match known {
                    Some(id) => Some(id),
                    // What was typed before a kill is taken up again.
                    None => self
                        .station
                        .draft(patient.clone())
                        .await?
                        .map(|draft| draft.id),
                };
                let form = DraftForm {
                    id: known,
                    patient: patient.clone(),
                    subjective: text.clone(),
                    objective: String::new(),
                    assessment: String::new(),
                    plan: String::new(),
                };
                let kept = self.station.keep_draft(form).await?;
                self.drafts.insert(patient.clone(), kept.id);
            }
            Act::Sign { patient } => {
                let Some(draft) = self.station.draft(patient.clone()).await? else {
                    return Ok(Said::Done);
                };
                let saved = self.station.sign_note(draft.id).await?;
                self.drafts.remove(patient);
                return Ok(Said::Saved(saved.reference));
            }
            Act::Weigh { patient, kilograms } => {
                let form = VitalsForm {
                    patient: patient.clone(),
                    systolic: None,
                    diastolic: None,
                    heart_rate: None,
                    respiratory_rate: None,
                    temperature: None,
                    oxygen_saturation: None,
                    weight: Some(f64::from(*kilograms)),
                    height: None,
                };
                let saved = self.station.add_vitals(form).await?;
                return Ok(Said::Saved(saved.reference));
            }
            Act::Open { patient } => {
                self.station
                    .open_chart(patient.clone(), Cause::Opened)
                    .await?;
            }
            Act::Find { query } => {
                self.station.find_patients(query.clone(), 20).await?;
            }
            Act::Sync => self.station.sync_now().await?,
        }
        Ok(Said::Done)
    }

    async fn work(
        &mut self,
        seed: u64,
        patients: &[String],
        say: &dyn Fn(&Said),
    ) -> Result<(), Fault> {
        let mut chance = Chance::new(seed);
        let mut typed = BTreeMap::<String, String>::new();
        for number in 0_u64.. {
            let patient = patients[chance.below(patients.len() as u64) as usize].clone();
            let act = match chance.below(12) {
                0..=5 => {
                    let text = typed
                        .entry(patient.clone())
                        .or_insert_with(|| format!("note {seed}.{number}."));
                    text.push_str(" and so on");
                    Act::Type {
                        text: text.clone(),
                        patient,
                    }
                }
                6..=7 => {
                    typed.remove(&patient);
                    Act::Sign { patient }
                }
                8..=9 => Act::Weigh {
                    patient,
                    kilograms: 40 + chance.below(60) as u32,
                },
                10 => Act::Open { patient },
                _ => Act::Sync,
            };
            say(&Said::Begin(act.clone()));
            let said = self.act(&act).await?;
            say(&said);
            if chance.once_in(4) {
                tokio::time::sleep(Duration::from_millis(chance.below(20))).await;
            }
        }
        Ok(())
    }

    async fn inspect(&self) -> Result<State, Fault> {
        let look = |desk: &workstation::desk::Desk| {
            let mut state = State {
                whole: desk.cache().check()?.is_whole(),
                ..State::default()
            };
            desk.cache().read(|cache| {
                let counts = cache.counts()?;
                state.to_send = counts.to_send;
                state.audit_to_send = counts.audit_to_send;
                state.needs_you = counts.needs_you();
                for draft in cache.drafts()? {
                    let text = draft.body["subjective"].as_str().unwrap_or_default();
                    state.drafts.insert(draft.patient, text.to_owned());
                }
                for card in cache.find_patients("", 1000)?.cards {
                    for note in cache.of_patient(&card.id, "DocumentReference")? {
                        let content = note.value()?["content"][0]["attachment"]["data"]
                            .as_str()
                            .unwrap_or_default()
                            .to_owned();
                        state
                            .notes
                            .insert(format!("DocumentReference/{}", note.id), content);
                    }
                    for found in cache.of_patient(&card.id, "Observation")? {
                        state.observations.push(format!("Observation/{}", found.id));
                    }
                }
                Ok::<_, cache::StoreError>(())
            })?;
            Ok(state)
        };
        self.station.door().work(look).await.map_err(Fault::from)
    }
}

/// A station at this furniture; alone, it has no server to talk to.
fn station(furniture: &Furniture, alone: bool) -> Result<Workstation, Fault> {
    let clock = Arc::new(SystemClock::default());
    let entropy = Arc::new(SystemEntropy);
    let server: Arc<dyn Server> = if alone {
        Arc::new(Unusable)
    } else {
        let ca = Some(furniture.ca.as_path());
        let https = Https::new(ca, "Rounds-faults", clock.clone(), entropy.clone());
        Arc::new(https.map_err(|error| Fault::from(&error))?)
    };
    let keychain: Arc<dyn Keychain> = if furniture.secret_service {
        secret_service()?
    } else {
        Arc::new(FileKeychain(furniture.folder.join("keychain")))
    };
    let ports = Ports {
        keychain,
        server,
        browser: Arc::new(SystemBrowser),
        clock,
        entropy,
    };
    let places = Places {
        profiles: furniture.folder.join("profiles"),
        config: furniture.folder.join("config"),
    };
    let config = Config::default();
    // Each kill costs an unlocking: the password is worth as little work as is allowed.
    Ok(Workstation::with_cost(
        places,
        config,
        ports,
        ArgonCost::LEAST,
    ))
}

#[cfg(target_os = "linux")]
fn secret_service() -> Result<Arc<dyn Keychain>, Fault> {
    Ok(Arc::new(
        workstation::adapter::secret_service::SecretService,
    ))
}

#[cfg(not(target_os = "linux"))]
fn secret_service() -> Result<Arc<dyn Keychain>, Fault> {
    Err(fault::of("keychain-absent"))
}

/// Secrets in files of a folder. It protects nothing; what it must do is outlive a kill.
struct FileKeychain(PathBuf);

impl FileKeychain {
    fn path(&self, account: &str) -> PathBuf {
        self.0.join(account.replace('/', "."))
    }
}

impl Keychain for FileKeychain {
    fn name(&self) -> String {
        "files".to_owned()
    }

    fn get(&self, account: &str) -> Result<Zeroizing<Vec<u8>>, KeychainError> {
        match std::fs::read(self.path(account)) {
            Ok(secret) => Ok(Zeroizing::new(secret)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(KeychainError::NoEntry)
            }
            Err(error) => Err(KeychainError::Failed(error.into())),
        }
    }

    fn set(&self, account: &str, secret: &[u8]) -> Result<(), KeychainError> {
        let path = self.path(account);
        path.parent()
            .map_or(Ok(()), disk::folder)
            .and_then(|()| disk::replace(&path, secret))
            .map_err(|error| KeychainError::Failed(error.into()))
    }

    fn delete(&self, account: &str) -> Result<(), KeychainError> {
        match std::fs::remove_file(self.path(account)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(KeychainError::Failed(error.into()))
            }
            _ => Ok(()),
        }
    }
}
