//! Keeping what records say about who relates to which patient.

use access::relation;
use access::{Says, Tie};
use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

/// Rows that go out of and into the tables of relations.
#[derive(Debug, Default)]
pub struct TieRows {
    stale: Sources,
    relations: Relations,
    rules: Rules,
    parties: Parties,
}

#[derive(Debug, Default)]
struct Sources {
    types: Vec<String>,
    ids: Vec<String>,
}

#[derive(Debug, Default)]
struct Relations {
    types: Vec<String>,
    ids: Vec<String>,
    numbers: Vec<i32>,
    patients: Vec<String>,
    parties: Vec<String>,
    kinds: Vec<&'static str>,
    from: Vec<Option<Timestamp>>,
    until: Vec<Option<Timestamp>>,
}

#[derive(Debug, Default)]
struct Rules {
    consents: Vec<String>,
    numbers: Vec<i32>,
    patients: Vec<String>,
    depths: Vec<i16>,
    permits: Vec<bool>,
    /// Joined by a space, which no reference holds: the database has no arrays of arrays.
    parties: Vec<String>,
    types: Vec<String>,
    from: Vec<Option<Timestamp>>,
    until: Vec<Option<Timestamp>>,
}

#[derive(Debug, Default)]
struct Parties {
    roles: Vec<String>,
    practitioners: Vec<String>,
    known_as: Vec<String>,
}

/// Whether records of a type say anything about relations.
pub fn tells(resource_type: &str) -> bool {
    resource_type == "PractitionerRole" || relation::TYPES.contains(&resource_type)
}

impl TieRows {
    /// A resource is written: what it said before goes, what it says now comes. `body` is none
    /// for a deletion; `replaces` tells that there was a version before.
    pub fn write(
        &mut self,
        resource_type: &str,
        id: &str,
        body: Option<&Value>,
        replaces: bool,
        zone: &TimeZone,
        now: Timestamp,
    ) {
        if !tells(resource_type) {
            return;
        }
        if replaces {
            self.stale.types.push(resource_type.to_owned());
            self.stale.ids.push(id.to_owned());
        }
        let Some(body) = body else { return };
        if let Some((practitioner, also)) = relation::also_known_as(body) {
            for known_as in also {
                self.parties.roles.push(id.to_owned());
                self.parties.practitioners.push(practitioner.clone());
                self.parties.known_as.push(known_as);
            }
        }
        let ties = relation::ties(body, zone);
        let counting = ties
            .into_iter()
            .filter(|tie| tie.until.is_none_or(|until| now < until));
        for (number, tie) in (0i32..).zip(counting) {
            self.push(resource_type, id, number, tie);
        }
    }

    fn push(&mut self, resource_type: &str, id: &str, number: i32, tie: Tie) {
        match tie.says {
            Says::Related { kind, party } => {
                self.relations.types.push(resource_type.to_owned());
                self.relations.ids.push(id.to_owned());
                self.relations.numbers.push(number);
                self.relations.patients.push(tie.patient);
                self.relations.parties.push(party.as_text().into_owned());
                self.relations.kinds.push(kind.as_str());
                self.relations.from.push(tie.from);
                self.relations.until.push(tie.until);
            }
            Says::Consent(rule) => {
                let parties: Vec<_> = rule.parties.iter().map(access::Party::as_text).collect();
                self.rules.consents.push(id.to_owned());
                self.rules.numbers.push(number);
                self.rules.patients.push(tie.patient);
                self.rules.depths.push(i16::from(rule.depth));
                self.rules.permits.push(rule.permits);
                self.rules.parties.push(parties.join(" "));
                self.rules.types.push(rule.types.join(" "));
                self.rules.from.push(tie.from);
                self.rules.until.push(tie.until);
            }
        }
    }

    /// The statements, in the order in which the database must see them.
    pub fn statements<'r>(
        &'r self,
        tenant: &'r Uuid,
    ) -> Vec<(&'static str, Vec<&'r (dyn ToSql + Sync)>)> {
        let mut work: Vec<(&'static str, Vec<&'r (dyn ToSql + Sync)>)> = Vec::new();
        let has = |wanted: &dyn Fn(&str) -> bool| self.stale.types.iter().any(|t| wanted(t));
        if has(&|t| t != "Consent" && t != "PractitionerRole") {
            work.push((
                "DELETE FROM relation s USING unnest($2::text[], $3::text[]) AS u(t, i) \
                 WHERE s.tenant = $1 AND s.source_type = u.t AND s.source_id = u.i",
                vec![tenant, &self.stale.types, &self.stale.ids],
            ));
        }
        if has(&|t| t == "Consent") {
            work.push((
                "DELETE FROM consent_rule s USING unnest($2::text[], $3::text[]) AS u(t, i) \
                 WHERE s.tenant = $1 AND u.t = 'Consent' AND s.consent = u.i",
                vec![tenant, &self.stale.types, &self.stale.ids],
            ));
        }
        if has(&|t| t == "PractitionerRole") {
            work.push((
                "DELETE FROM staff_party s USING unnest($2::text[], $3::text[]) AS u(t, i) \
                 WHERE s.tenant = $1 AND u.t = 'PractitionerRole' AND s.role_id = u.i",
                vec![tenant, &self.stale.types, &self.stale.ids],
            ));
        }
        if !self.relations.ids.is_empty() {
            let rows = &self.relations;
            work.push((
                "INSERT INTO relation (tenant, source_type, source_id, number, patient, party, kind, from_at, until_at) \
                 SELECT $1, u.t, u.i, u.n, u.p, u.who, u.k, coalesce(u.f, '-infinity'), coalesce(u.x, 'infinity') \
                 FROM unnest($2::text[], $3::text[], $4::int[], $5::text[], $6::text[], $7::text[], \
                             $8::timestamptz[], $9::timestamptz[]) AS u(t, i, n, p, who, k, f, x)",
                vec![
                    tenant, &rows.types, &rows.ids, &rows.numbers, &rows.patients, &rows.parties,
                    &rows.kinds, &rows.from, &rows.until,
                ],
            ));
        }
        if !self.rules.consents.is_empty() {
            let rows = &self.rules;
            work.push((
                "INSERT INTO consent_rule (tenant, consent, number, patient, depth, permits, parties, types, from_at, until_at) \
                 SELECT $1, u.c, u.n, u.p, u.d, u.ok, string_to_array(u.who, ' '), string_to_array(u.t, ' '), \
                        coalesce(u.f, '-infinity'), coalesce(u.x, 'infinity') \
                 FROM unnest($2::text[], $3::int[], $4::text[], $5::smallint[], $6::bool[], $7::text[], $8::text[], \
                             $9::timestamptz[], $10::timestamptz[]) AS u(c, n, p, d, ok, who, t, f, x)",
                vec![
                    tenant, &rows.consents, &rows.numbers, &rows.patients, &rows.depths, &rows.permits,
                    &rows.parties, &rows.types, &rows.from, &rows.until,
                ],
            ));
        }
        if !self.parties.roles.is_empty() {
            let rows = &self.parties;
            work.push((
                "INSERT INTO staff_party (tenant, role_id, practitioner, known_as) \
                 SELECT DISTINCT $1::uuid, u.r, u.p, u.k FROM unnest($2::text[], $3::text[], $4::text[]) AS u(r, p, k)",
                vec![tenant, &rows.roles, &rows.practitioners, &rows.known_as],
            ));
        }
        work
    }

    /// Writes the rows by themselves.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn store(
        &self,
        tx: &impl GenericClient,
        tenant: Uuid,
    ) -> Result<(), tokio_postgres::Error> {
        for (sql, parameters) in self.statements(&tenant) {
            let statement = tx.prepare_cached(sql).await?;
            tx.execute(&statement, &parameters).await?;
        }
        Ok(())
    }
}
