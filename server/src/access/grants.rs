//! Access on a user's own word: with a reason, or in an emergency.

use access::{GrantKind, Verdict};
use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use ledger::event::{Outcome, Purpose};
use ledger::told::Told;
use ledger::{AccessEvent, Action};
use protocol::access::AccessGrant;
use protocol::report::ReviewKind;
use protocol::secret::Secret;
use uuid::Uuid;
use vault::Place;

use crate::access::known::Reason;
use crate::access::sight::Sight;
use crate::app::App;
use crate::audit::append::{self, Entry, tenant_key};
use crate::identity::account;
use crate::identity::caller::Caller;
use crate::identity::error::IdentityError;
use crate::identity::limit::{self, Source};
use crate::identity::password::PasswordGate;
use crate::review::open::{self, Opening};
use crate::store::error::StoreError;
use crate::store::transaction::{self, Retryable};

/// Why no access was given.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// The reason is too short or too long.
    #[error("the reason must have 3 to 500 characters")]
    Reason,
    /// There is no such patient.
    #[error("there is no such patient")]
    NoPatient,
    /// Policy gives this user no access for such a reason.
    #[error("{0}")]
    Denied(String),
    /// The password is wrong, or may not be tried now.
    #[error("the password was not taken")]
    Identity(#[from] IdentityError),
    /// The database or a seal.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl Retryable for GrantError {
    fn store(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

/// Gives access for a reason.
///
/// # Errors
/// [`GrantError`].
pub async fn justify(
    app: &App,
    caller: &Caller,
    patient: &str,
    reason: &str,
) -> Result<AccessGrant, GrantError> {
    give(app, caller, GrantKind::Justified, patient, reason).await
}

/// Gives access in an emergency, to who knows the caller's password.
///
/// # Errors
/// [`GrantError`].
pub async fn emergency(
    app: &App,
    gate: &PasswordGate,
    caller: &Caller,
    patient: &str,
    reason: &str,
    password: &Secret,
) -> Result<AccessGrant, GrantError> {
    // Looked at first: nobody types a password in vain.
    access::facts::reason(reason).ok_or(GrantError::Reason)?;
    same_person(app, gate, caller, patient, password).await?;
    give(app, caller, GrantKind::Emergency, patient, reason).await
}

/// The password once more, with the limits of a sign-in from the same place.
async fn same_person(
    app: &App,
    gate: &PasswordGate,
    caller: &Caller,
    patient: &str,
    password: &Secret,
) -> Result<(), GrantError> {
    let source = match caller.device {
        Some(device) => Source::Device(device),
        None => Source::Address(caller.address),
    };
    let client = app.pool.get().await.map_err(StoreError::from)?;
    if let Some(wait) = limit::wait(app, &client, &caller.username, source).await? {
        return Err(IdentityError::TooManyAttempts { wait }.into());
    }
    let stored = account::find(app, &client, &caller.username)
        .await?
        .filter(|found| found.account.id == caller.user_id && !found.disabled)
        .and_then(|found| found.password_hash);
    drop(client);
    let compared = gate
        .compare(password, stored)
        .await
        .map_err(IdentityError::from)?;
    let client = app.pool.get().await.map_err(StoreError::from)?;
    if compared.right {
        limit::succeeded(app, &client, &caller.username, source).await?;
        return Ok(());
    }
    limit::failed(app, &client, &caller.username, source).await?;
    let mut event = caller
        .event(app, Action::EmergencyAccess)
        .serving(Purpose::Emergency)
        .ending(Outcome::Refused)
        .because("the password is wrong", []);
    if fhir::resource::valid_id(patient) {
        event = event.about(patient);
    }
    append::append(app, &client, &event).await?;
    Err(IdentityError::CredentialsWrong.into())
}

async fn give(
    app: &App,
    caller: &Caller,
    kind: GrantKind,
    patient: &str,
    reason: &str,
) -> Result<AccessGrant, GrantError> {
    let reason = access::facts::reason(reason).ok_or(GrantError::Reason)?;
    let action = match kind {
        GrantKind::Justified => Action::AccessJustified,
        GrantKind::Emergency => Action::EmergencyAccess,
    };
    let purpose = match kind {
        GrantKind::Justified => Purpose::Treatment,
        GrantKind::Emergency => Purpose::Emergency,
    };
    let client = app.pool.get().await.map_err(StoreError::from)?;
    if !there_is(app, &client, patient).await? {
        return Err(GrantError::NoPatient);
    }
    let event = caller
        .event(app, action)
        .serving(purpose)
        .about(patient)
        .justified_by(reason);
    let (allowed, explanation, policies) = would_open(app, &client, caller, kind, patient).await?;
    let mut event = event.because(explanation.clone(), policies);
    if !allowed {
        event = event.ending(Outcome::Refused);
        append::append(app, &client, &event).await?;
        return Err(GrantError::Denied(explanation));
    }
    drop(client);
    // The grant begins when its event does, and is named by it.
    let begun = kind.begin(patient, event.recorded);
    let given = AccessGrant {
        id: event.id,
        patient: patient.to_owned(),
        kind: match kind {
            GrantKind::Justified => protocol::access::GrantKind::Justified,
            GrantKind::Emergency => protocol::access::GrantKind::Emergency,
        },
        reason: reason.to_owned(),
        from: begun.from,
        until: begun.until,
    };
    transaction::run(app, "access-grant", |tx, _| {
        let (event, given) = (&event, &given);
        Box::pin(async move {
            append::append(app, tx, event).await?;
            let row = Row {
                id: event.id,
                account: caller.user_id,
                patient: &given.patient,
                kind,
                from: given.from,
                until: given.until,
                device: None,
                reason: &given.reason,
            };
            insert(app, tx, &row).await?;
            if kind == GrantKind::Emergency {
                let opening = Opening::of(ReviewKind::Emergency, event, &given.reason);
                open::open(app, tx, &opening).await?;
            }
            Ok::<_, GrantError>(())
        })
    })
    .await?;
    Ok(given)
}

async fn there_is(
    app: &App,
    client: &impl GenericClient,
    patient: &str,
) -> Result<bool, StoreError> {
    if !fhir::resource::valid_id(patient) {
        return Ok(false);
    }
    let row = client
        .query_opt(
            "SELECT FROM resource WHERE tenant = $1 AND resource_type = 'Patient' AND id = $2 \
             AND NOT deleted",
            &[&app.tenant.id, &patient],
        )
        .await?;
    Ok(row.is_some())
}

/// Whether such a grant would open the patient's clinical records to the caller, as policies
/// decide. Nobody is given what would be of no use.
async fn would_open(
    app: &App,
    client: &impl GenericClient,
    caller: &Caller,
    kind: GrantKind,
    patient: &str,
) -> Result<(bool, String, Vec<String>), StoreError> {
    let Some(sight) = Sight::of(app, caller) else {
        return Ok((false, "this role is not known here".to_owned(), Vec::new()));
    };
    let known = sight.known(client, &[patient]).await?;
    let mut facts = known.facts(&sight.me, patient, "Condition", app.now());
    let request = access::Request::new(
        sight.me.role,
        access::Action::Read,
        access::ResourceClass::Clinical,
    );
    match kind {
        GrantKind::Justified => facts.justified = true,
        GrantKind::Emergency => facts.emergency = true,
    }
    let decision = app.policies.decide(&request.concerning(facts));
    let words = match decision.verdict {
        Verdict::Allow => decision.explanation,
        _ => crate::access::sight::worded(&decision),
    };
    Ok((decision.verdict == Verdict::Allow, words, decision.policies))
}

/// A row of `access_grant`.
struct Row<'a> {
    id: Uuid,
    account: Uuid,
    patient: &'a str,
    kind: GrantKind,
    from: Timestamp,
    until: Timestamp,
    device: Option<Uuid>,
    reason: &'a str,
}

async fn insert(app: &App, tx: &impl GenericClient, row: &Row<'_>) -> Result<(), StoreError> {
    let key = tenant_key(app, 1).await?;
    let name = row.id.to_string();
    let sealed = key.seal(&reason_place(app.tenant.id, &name), row.reason.as_bytes())?;
    let statement = tx
        .prepare_cached(
            "INSERT INTO access_grant (tenant, id, account, patient, kind, from_at, until_at, \
                                       device, key_id, reason) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
        )
        .await?;
    tx.execute(
        &statement,
        &[
            &app.tenant.id,
            &row.id,
            &row.account,
            &row.patient,
            &row.kind.as_str(),
            &row.from,
            &row.until,
            &row.device,
            &key.id(),
            &sealed,
        ],
    )
    .await?;
    Ok(())
}

/// What workstations recorded: the access that a user took there counts here too, from the moment
/// of its event on. `entries` come with a chain
/// that was verified; `tx` is the transaction that stores them.
///
/// # Errors
/// When the database refuses.
pub async fn taken_off_line<'e>(
    app: &App,
    tx: &impl GenericClient,
    device: Uuid,
    entries: impl Iterator<Item = &'e Entry>,
) -> Result<(), StoreError> {
    for entry in entries.filter(|entry| entry.success) {
        let kind = match entry.action {
            code if code == Action::AccessJustified.code() => GrantKind::Justified,
            code if code == Action::EmergencyAccess.code() => GrantKind::Emergency,
            _ => continue,
        };
        let (Some(user), Some(patient)) = (entry.account, entry.patients.first()) else {
            continue;
        };
        let reason = Told::of(&entry.event).justification.unwrap_or_default();
        // A clock that runs ahead must not stretch the time.
        let begun = kind.begin(patient.as_str(), entry.recorded.min(app.now()));
        let row = Row {
            id: entry.id,
            account: user,
            patient,
            kind,
            from: begun.from,
            until: begun.until,
            device: Some(device),
            reason: &reason,
        };
        insert(app, tx, &row).await?;
    }
    Ok(())
}

/// Opens the reason of a grant; none when it does not open, which is no reason to refuse.
///
/// # Errors
/// When the database refuses to give the key.
pub async fn open_reason(app: &App, reason: &Reason) -> Result<Option<String>, StoreError> {
    let keys = app.keys.by_id([reason.key_id]).await?;
    let Ok(key) = keys.key(&reason.key_id) else {
        return Ok(None);
    };
    let name = reason.grant.to_string();
    let opened = key.open(&reason_place(app.tenant.id, &name), &reason.sealed);
    Ok(opened
        .ok()
        .and_then(|words| String::from_utf8(words.to_vec()).ok()))
}

/// Whether policies decided by the user's own word.
pub fn rests_on_own_word(policies: &[String]) -> bool {
    policies
        .iter()
        .any(|policy| policy == "justified-treats" || policy == "emergency-treats")
}

/// Tells the event of an access that rests on the user's own word.
pub fn on_own_word(event: AccessEvent, policies: &[String], words: Option<String>) -> AccessEvent {
    let event = if policies.iter().any(|policy| policy == "emergency-treats") {
        event.serving(Purpose::Emergency)
    } else {
        event
    };
    match words {
        Some(words) => event.justified_by(words),
        None => event,
    }
}

/// Where a reason lives.
fn reason_place(tenant: Uuid, row: &str) -> Place<'_> {
    Place {
        tenant,
        table: "access_grant",
        row,
        column: "reason",
        version: 0,
    }
}
