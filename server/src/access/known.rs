//! What is known of one user and some patients, read in one query.

use std::collections::HashMap;

use access::consent::Rule;
use access::relation::{self, Kind};
use access::{Facts, Grant, GrantKind, Me, Part, Party, Says, Tie};
use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::app::App;
use crate::identity::caller::Caller;
use crate::store::error::StoreError;

/// What is known of a user and patients. It holds only what counts now.
#[derive(Debug, Default)]
pub struct Known {
    of: HashMap<String, OfPatient>,
}

#[derive(Debug, Default)]
struct OfPatient {
    ties: Vec<Tie>,
    grants: Vec<Grant>,
    reason: Option<Reason>,
}

/// The reason of the latest grant, still sealed.
#[derive(Debug, Clone)]
pub struct Reason {
    /// The grant.
    pub grant: Uuid,
    /// Data key.
    pub key_id: Uuid,
    /// The words, sealed.
    pub sealed: Vec<u8>,
}

/// Who asks, as policies see it.
pub fn me(caller: &Caller) -> Option<Me> {
    Some(Me {
        practitioner: caller.practitioner.clone(),
        role: access::Role::parse(caller.role.as_str())?,
        user: caller.user_id,
        also: caller.also.clone(),
    })
}

/// One query for all three tables: of every patient.
const OF_ALL: &str = "\
    SELECT 'r', t.patient, t.kind, t.party, NULL::text, NULL::smallint, NULL::boolean, NULL::text[], NULL::text[], \
           NULL::uuid, NULL::uuid, NULL::bytea \
    FROM relation t \
    WHERE t.tenant = $1 AND t.party = ANY($2) AND t.from_at <= $4 AND t.until_at > $4 \
    UNION ALL \
    SELECT 'c', c.patient, NULL, NULL, c.consent, c.depth, c.permits, c.parties, c.types, NULL, NULL, NULL \
    FROM consent_rule c \
    WHERE c.tenant = $1 AND c.parties && $2 AND c.from_at <= $4 AND c.until_at > $4 \
    UNION ALL \
    (SELECT 'g', g.patient, g.kind, NULL, NULL, NULL, NULL, NULL, NULL, g.id, g.key_id, g.reason \
     FROM access_grant g \
     WHERE g.tenant = $1 AND g.account = $3 AND g.from_at <= $4 AND g.until_at > $4 \
     ORDER BY g.until_at)";

/// [`OF_ALL`] of the patients in `$5`. A statement of its own: one that served both would be
/// planned for neither.
const OF_SOME: &str = "\
    SELECT 'r', t.patient, t.kind, t.party, NULL::text, NULL::smallint, NULL::boolean, NULL::text[], NULL::text[], \
           NULL::uuid, NULL::uuid, NULL::bytea \
    FROM relation t \
    WHERE t.tenant = $1 AND t.patient = ANY($5) AND t.party = ANY($2) \
      AND t.from_at <= $4 AND t.until_at > $4 \
    UNION ALL \
    SELECT 'c', c.patient, NULL, NULL, c.consent, c.depth, c.permits, c.parties, c.types, NULL, NULL, NULL \
    FROM consent_rule c \
    WHERE c.tenant = $1 AND c.patient = ANY($5) AND c.parties && $2 \
      AND c.from_at <= $4 AND c.until_at > $4 \
    UNION ALL \
    (SELECT 'g', g.patient, g.kind, NULL, NULL, NULL, NULL, NULL, NULL, g.id, g.key_id, g.reason \
     FROM access_grant g \
     WHERE g.tenant = $1 AND g.account = $3 AND g.patient = ANY($5) \
       AND g.from_at <= $4 AND g.until_at > $4 ORDER BY g.until_at)";

/// Reads what is known now of a user and these patients, or of every patient.
///
/// # Errors
/// When the database refuses.
pub async fn load(
    app: &App,
    client: &impl GenericClient,
    me: &Me,
    patients: Option<&[&str]>,
) -> Result<Known, StoreError> {
    let now = app.now();
    let parties = me.parties();
    let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![&app.tenant.id, &parties, &me.user, &now];
    let sql = match &patients {
        Some(patients) => {
            parameters.push(patients);
            OF_SOME
        }
        None => OF_ALL,
    };
    let statement = client.prepare_cached(sql).await?;
    let rows = client.query(&statement, &parameters).await?;
    Ok(gathered(rows, now))
}

/// What counts for copies on a workstation, of every patient. Relationships count as they always
/// do, appointments and visits in the clinic's window, and access on the user's own word on the
/// computer where it was taken. `visitors`: whether whoever visits the clinic matters.
const TO_BE_KEPT: &str = "\
    SELECT 'r', t.patient, t.kind, t.party, NULL::text, NULL::smallint, NULL::boolean, NULL::text[], NULL::text[], \
           NULL::uuid, NULL::uuid, NULL::bytea \
    FROM relation t, tenant c \
    WHERE t.tenant = $1 AND c.tenant = $1 AND t.party = ANY($2) AND t.until_at > $4 \
      AND CASE t.kind \
          WHEN 'visit' THEN $6 AND t.from_at <= $4 + make_interval(days => c.scope_days_ahead) \
          WHEN 'appointment' THEN \
            t.from_at <= $4 + make_interval(days => c.scope_days_ahead - $7) AND \
            t.until_at > $4 + make_interval(days => $8 - c.scope_days_behind) \
          ELSE t.from_at <= $4 END \
    UNION ALL \
    SELECT 'c', c.patient, NULL, NULL, c.consent, c.depth, c.permits, c.parties, c.types, NULL, NULL, NULL \
    FROM consent_rule c \
    WHERE c.tenant = $1 AND c.parties && $2 AND c.from_at <= $4 AND c.until_at > $4 \
    UNION ALL \
    SELECT 'g', g.patient, g.kind, NULL, NULL, NULL, NULL, NULL, NULL, g.id, g.key_id, g.reason \
    FROM access_grant g \
    WHERE g.tenant = $1 AND g.account = $3 AND g.from_at <= $4 AND g.until_at > $4 \
      AND (g.device IS NULL OR g.device IS NOT DISTINCT FROM $5)";

/// Reads what is known of a user and every patient whose chart may have to be kept on a computer.
///
/// # Errors
/// When the database refuses.
pub async fn to_be_kept(
    app: &App,
    client: &impl GenericClient,
    me: &Me,
    device: Option<Uuid>,
    visitors: bool,
) -> Result<Known, StoreError> {
    let now = app.now();
    let parties = me.parties();
    // From this long before it to this long after it an appointment relates at all.
    let before = i32::try_from(relation::DAYS_BEFORE).unwrap_or(i32::MAX);
    let after = i32::try_from(relation::DAYS_AFTER).unwrap_or(i32::MAX);
    let statement = client.prepare_cached(TO_BE_KEPT).await?;
    let rows = client
        .query(
            &statement,
            &[
                &app.tenant.id,
                &parties,
                &me.user,
                &now,
                &device,
                &visitors,
                &before,
                &after,
            ],
        )
        .await?;
    Ok(gathered(rows, now))
}

/// What rows say. The database looked at the times already.
fn gathered(rows: Vec<Row>, now: Timestamp) -> Known {
    let mut known = Known::default();
    for row in rows {
        let patient: String = row.get(1);
        let of = known.of.entry(patient.clone()).or_default();
        match row.get::<_, &str>(0) {
            "r" => {
                // Both are written by names of this program.
                let kind = Kind::parse(row.get(2));
                let party = Party::parse(row.get(3));
                if let (Some(kind), Some(party)) = (kind, party) {
                    of.ties.push(tie(patient, Says::Related { kind, party }));
                }
            }
            "c" => {
                let parties: Vec<&str> = row.get(7);
                let rule = Rule {
                    consent: row.get(4),
                    depth: row.get::<_, i16>(5).try_into().unwrap_or(u8::MAX),
                    permits: row.get(6),
                    parties: parties.into_iter().filter_map(Party::parse).collect(),
                    types: row.get(8),
                };
                of.ties.push(tie(patient, Says::Consent(rule)));
            }
            _ => {
                let kind = match row.get::<_, &str>(2) {
                    "emergency" => GrantKind::Emergency,
                    _ => GrantKind::Justified,
                };
                of.grants.push(Grant {
                    patient,
                    kind,
                    from: now,
                    until: Timestamp::MAX,
                });
                of.reason = Some(Reason {
                    grant: row.get(9),
                    key_id: row.get(10),
                    sealed: row.get(11),
                });
            }
        }
    }
    known
}

/// The database looked at the times already.
fn tie(patient: String, says: Says) -> Tie {
    Tie {
        patient,
        from: None,
        until: None,
        says,
    }
}

impl Known {
    /// The facts about a patient and records of a type.
    pub fn facts(&self, me: &Me, patient: &str, resource_type: &str, now: Timestamp) -> Facts {
        self.of.get(patient).map_or_else(Facts::default, |of| {
            let part = Part::Type(resource_type);
            Facts::gather(me, patient, part, &of.ties, &of.grants, now)
        })
    }

    /// Every patient of whom something is known.
    pub fn patients(&self) -> impl Iterator<Item = &str> {
        self.of.keys().map(String::as_str)
    }

    /// Whether the same is known of every type of the patient's records: no consent tells types
    /// apart.
    pub fn is_whole(&self, patient: &str) -> bool {
        self.of.get(patient).is_none_or(|of| {
            of.ties.iter().all(|tie| match &tie.says {
                Says::Consent(rule) => rule.types.is_empty(),
                Says::Related { .. } => true,
            })
        })
    }

    /// The reason that the user gave for this patient, where access rests on one.
    pub fn reason(&self, patient: &str) -> Option<&Reason> {
        self.of.get(patient)?.reason.as_ref()
    }

    /// Adds what is known of other patients.
    pub fn join(&mut self, other: Self) {
        self.of.extend(other.of);
    }
}
