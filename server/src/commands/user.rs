//! Users.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ledger::event::{Client, Observer, Purpose};
use ledger::{AccessEvent, Action};
use protocol::secret::Secret;
use protocol::sign_in::Role;
use serde::Serialize;
use uuid::Uuid;
use vault::password::{self, ArgonCost};
use zeroize::Zeroizing;

use crate::app::App;
use crate::audit::append;
use crate::commands::error::CommandError;
use crate::commands::{NewUser, Reset};
use crate::identity::account::{self, Account};
use crate::identity::session::{self, EndedBy};
use crate::identity::{device, password_rules, totp, wipe};
use crate::store::error::StoreError;
use crate::store::transaction;

/// What the operator hands to the user.
#[derive(Debug, Serialize)]
pub struct Credentials {
    username: String,
    totp_secret: Secret,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<Secret>,
}

/// What became of a user's sessions.
#[derive(Debug, Serialize)]
pub struct Ended {
    username: String,
    sessions_ended: u64,
}

/// An event of an operator's command: whoever may run it is known to the machine, not to us.
pub(super) fn event(app: &App, action: Action, command: &str) -> AccessEvent {
    let client = Client {
        device: None,
        name: format!("rounds-server {command}"),
        address: None,
    };
    let observer = Observer::Server(app.config.public_url.clone());
    AccessEvent::new(Uuid::now_v7(), app.now(), action, client, observer)
        .serving(Purpose::SystemAdministration)
}

/// Adds a user.
///
/// # Errors
/// [`CommandError`].
pub async fn add(app: &App, new: NewUser) -> Result<Credentials, CommandError> {
    let username = account::normal_name(&new.username);
    let allowed = |c: char| c.is_alphanumeric() || "._-@+".contains(c);
    if username.is_empty() || username.chars().count() > 64 || !username.chars().all(allowed) {
        return Err(CommandError::Argument(
            "--username must be 1 to 64 letters, digits or . _ - @ +",
        ));
    }
    let display_name = new.display_name.trim();
    if display_name.is_empty() || display_name.chars().count() > 200 {
        return Err(CommandError::Argument(
            "--display-name must have 1 to 200 characters",
        ));
    }
    let role = Role::parse(&new.role)
        .filter(|role| *role != Role::Integration)
        .ok_or(CommandError::Argument(
            "--role must be clinician, nurse, front-desk, security-officer, administrator or auditor",
        ))?;
    if let Some(practitioner) = &new.practitioner
        && !fhir::resource::valid_id(practitioner)
    {
        return Err(CommandError::Argument(
            "--practitioner must be a logical id",
        ));
    }
    let fresh = Fresh::read(&username, new.password_stdin, new.totp_secret.as_deref())?;
    let made = Account {
        id: Uuid::new_v4(),
        username: username.clone(),
        display_name: display_name.to_owned(),
        role,
        practitioner: new.practitioner,
    };
    let event = event(app, Action::UserAdded, "user add").because(
        format!("account {} ({}), role {}", username, made.id, role.as_str()),
        [],
    );
    transaction::run(app, "user-add", |tx, _| {
        let (made, fresh, event) = (&made, &fresh, &event);
        Box::pin(async move {
            let sealed = totp::seal(app, made.id, &fresh.totp).await?;
            if !account::add(app, tx, made, Some(&fresh.hash), Some(&sealed)).await? {
                return Err(CommandError::NameTaken);
            }
            append::append(app, tx, event).await?;
            Ok(())
        })
    })
    .await?;
    Ok(fresh.credentials(username))
}

/// Disables a user.
///
/// # Errors
/// [`CommandError`].
pub async fn disable(app: &App, username: &str, wipe: bool) -> Result<Ended, CommandError> {
    let user = known(app, username).await?;
    let event = event(app, Action::UserDisabled, "user disable").because(
        format!(
            "account {} ({}){}",
            user.username,
            user.id,
            if wipe { ", devices to be wiped" } else { "" }
        ),
        [],
    );
    let sessions_ended = transaction::run(app, "user-disable", |tx, _| {
        let (user, event) = (&user, &event);
        Box::pin(async move {
            account::disable(app, tx, user.id).await?;
            if wipe {
                for device in device::of_account(app, tx, user.id).await? {
                    wipe::order(app, tx, device, "the account was disabled").await?;
                    device::revoke(app, tx, device).await?;
                }
            }
            let ended = session::end_all(app, tx, user.id, None, EndedBy::Disabled).await?;
            append::append(app, tx, event).await?;
            Ok::<_, CommandError>(ended)
        })
    })
    .await?;
    Ok(Ended {
        username: user.username,
        sessions_ended,
    })
}

/// Gives a user a new password and a new secret for one-time codes.
///
/// # Errors
/// [`CommandError`].
pub async fn reset(app: &App, reset: Reset) -> Result<Credentials, CommandError> {
    let user = known(app, &reset.username).await?;
    let fresh = Fresh::read(
        &user.username,
        reset.password_stdin,
        reset.totp_secret.as_deref(),
    )?;
    let event = event(app, Action::UserChanged, "user reset").because(
        format!(
            "account {} ({}): password and one-time secret",
            user.username, user.id
        ),
        [],
    );
    transaction::run(app, "user-reset", |tx, _| {
        let (user, fresh, event) = (&user, &fresh, &event);
        Box::pin(async move {
            let sealed = totp::seal(app, user.id, &fresh.totp).await?;
            account::reset(app, tx, user.id, &fresh.hash, &sealed).await?;
            session::end_all(app, tx, user.id, None, EndedBy::Reset).await?;
            append::append(app, tx, event).await?;
            Ok::<_, CommandError>(())
        })
    })
    .await?;
    Ok(fresh.credentials(user.username))
}

/// Ends a user's sessions.
///
/// # Errors
/// [`CommandError`].
pub async fn end_sessions(app: &App, username: &str) -> Result<Ended, CommandError> {
    let user = known(app, username).await?;
    let event = event(app, Action::SessionsEnded, "user end-sessions")
        .because(format!("account {} ({})", user.username, user.id), []);
    let sessions_ended = transaction::run(app, "user-end-sessions", |tx, _| {
        let (user, event) = (&user, &event);
        Box::pin(async move {
            let ended = session::end_all(app, tx, user.id, None, EndedBy::Operator).await?;
            append::append(app, tx, event).await?;
            Ok::<_, CommandError>(ended)
        })
    })
    .await?;
    Ok(Ended {
        username: user.username,
        sessions_ended,
    })
}

async fn known(app: &App, username: &str) -> Result<Account, CommandError> {
    let client = app.pool.get().await.map_err(StoreError::from)?;
    let found = account::find(app, &client, username).await?;
    found
        .map(|guarded| guarded.account)
        .ok_or(CommandError::UnknownUser)
}

/// A password and a secret for one-time codes, given or invented.
struct Fresh {
    hash: String,
    totp: Zeroizing<Vec<u8>>,
    invented: Option<Secret>,
}

impl Fresh {
    fn read(
        username: &str,
        password_stdin: bool,
        totp_secret: Option<&str>,
    ) -> Result<Self, CommandError> {
        let totp = match totp_secret {
            Some(text) => totp::from_base32(text).ok_or(CommandError::Argument(
                "--totp-secret must be base32 of at least 16 bytes",
            ))?,
            None => totp::fresh()?,
        };
        let given = if password_stdin {
            Some(first_line()?)
        } else {
            None
        };
        if let Some(given) = &given
            && let Some(objection) = password_rules::objection(given.expose(), username)
        {
            return Err(CommandError::Argument(objection));
        }
        let invented = if given.is_some() {
            None
        } else {
            Some(invent()?)
        };
        let text = given
            .as_ref()
            .or(invented.as_ref())
            .map_or("", Secret::expose);
        let hash = password::hash(text, ArgonCost::SERVER)?;
        Ok(Self {
            hash,
            totp,
            invented,
        })
    }

    fn credentials(self, username: String) -> Credentials {
        Credentials {
            username,
            totp_secret: Secret::new(totp::to_base32(&self.totp)),
            password: self.invented,
        }
    }
}

pub(super) fn first_line() -> Result<Secret, CommandError> {
    let mut line = Zeroizing::new(String::new());
    std::io::stdin()
        .read_line(&mut line)
        .map_err(CommandError::Input)?;
    Ok(Secret::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// 96 random bits in 16 characters.
fn invent() -> Result<Secret, CommandError> {
    let mut bytes = Zeroizing::new([0u8; 12]);
    getrandom::fill(bytes.as_mut()).map_err(StoreError::NoRandomBytes)?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes.as_ref())))
}
