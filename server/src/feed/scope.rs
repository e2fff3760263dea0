//! What a user's workstation may keep: the minimum necessary.
//!
//! Some types come whole, because policy gives them to a role whoever the patient is: people have
//! to be found before they can be booked or treated. What belongs to no patient comes too. All
//! else is charts, and a chart comes for a patient whose records the user may read for a reason
//! that lasts: a relationship, an appointment in the window that the clinic has set, a consent, or
//! access that was taken on this computer and has not ended. What a patient closed to somebody who
//! is theirs is kept, because an emergency may open it off line; there the same policies close it.

use std::collections::{BTreeSet, HashMap};

use access::{Action, Facts, Request, ResourceClass};
use deadpool_postgres::GenericClient;
use sha2::{Digest, Sha256};

use crate::access::known::{self, Known};
use crate::access::sight::{Seen, Sight};
use crate::app::App;
use crate::feed::wishes::Wishes;
use crate::identity::caller::Caller;
use crate::store::error::StoreError;

/// What a role's workstation may keep, and why.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Types of which every record may be kept.
    pub open: Vec<&'static str>,
    /// Types of which those records may be kept that belong to no patient.
    pub loose: Vec<&'static str>,
    /// Types that charts are made of.
    pub chart: Vec<&'static str>,
    /// Explanations of what permits them, each once.
    pub explanation: String,
    /// Ids of the policies.
    pub policies: Vec<String>,
    /// What patients closed to programs: `Type/` and the patient's logical id.
    pub closed: Vec<String>,
}

impl Scope {
    /// What the role of a caller may keep.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn of(
        app: &App,
        client: &impl GenericClient,
        caller: &Caller,
    ) -> Result<Self, StoreError> {
        let mut scope = Self::default();
        let Some(sight) = Sight::of(app, caller) else {
            return Ok(scope);
        };
        let mut reasons = BTreeSet::new();
        for &kind in fhir::resource::TYPES {
            // Audit events go up, never down.
            if ResourceClass::of(kind) == ResourceClass::Audit
                || !sight.in_scope(Action::Sync, kind)
            {
                continue;
            }
            let decide = |action, of_a_patient, facts: Option<Facts>| {
                let class = ResourceClass::of_record(kind, of_a_patient);
                let request = Request::new(sight.me.role, action, class);
                let request = facts.map_or(request, |facts| request.concerning(facts));
                app.policies.decide(&request)
            };
            let none = decide(Action::Sync, false, None);
            let some = decide(Action::Sync, true, None);
            for decision in [&none, &some].into_iter().filter(|it| it.allow()) {
                reasons.insert(decision.explanation.clone());
                for policy in &decision.policies {
                    if !scope.policies.contains(policy) {
                        scope.policies.push(policy.clone());
                    }
                }
            }
            // Whether a patient matters of whom nothing is known.
            let anybodys = decide(Action::Read, true, Some(Facts::default())).allow();
            match (none.allow(), some.allow(), anybodys) {
                (true, true, true) => scope.open.push(kind),
                (none, some, _) => {
                    if none {
                        scope.loose.push(kind);
                    }
                    if some {
                        scope.chart.push(kind);
                    }
                }
            }
        }
        scope.explanation = reasons.into_iter().collect::<Vec<_>>().join(" ");
        for kind in &scope.open {
            if let Seen::Except { patients, .. } =
                sight.seen(client, Action::Sync, kind, None).await?
            {
                let closed = patients.iter().map(|patient| format!("{kind}/{patient}"));
                scope.closed.extend(closed);
            }
        }
        scope.closed.sort_unstable();
        Ok(scope)
    }

    /// Tells what one role may keep from another's, and what is closed from what is open: a reader
    /// who was told of another is told anew.
    pub fn mark(&self) -> [u8; 8] {
        let mut digest = Sha256::new();
        for list in [&self.open, &self.loose, &self.chart] {
            digest.update(list.join(",").as_bytes());
            digest.update(b" ");
        }
        // What is opened again lies before the cursor.
        digest.update(self.closed.join(",").as_bytes());
        let mut mark = [0u8; 8];
        mark.copy_from_slice(&digest.finalize()[..8]);
        mark
    }

    /// Types of records outside charts.
    pub fn outside(&self) -> Vec<String> {
        let mut types: Vec<String> = self
            .open
            .iter()
            .chain(&self.loose)
            .map(|&kind| kind.to_owned())
            .collect();
        types.sort_unstable();
        types
    }
}

/// A patient's chart, or of a chart what a consent opens alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chart {
    /// Logical id.
    pub patient: String,
    /// The only types of it; none for all.
    pub types: Option<Vec<String>>,
}

impl Chart {
    /// As it is stored. No id holds a bar.
    pub fn key(&self) -> String {
        match &self.types {
            None => self.patient.clone(),
            Some(types) => format!("{}|{}", self.patient, types.join(",")),
        }
    }

    /// Reads [`Self::key`].
    pub fn of_key(key: &str) -> Self {
        match key.split_once('|') {
            None => Self {
                patient: key.to_owned(),
                types: None,
            },
            Some((patient, types)) => Self {
                patient: patient.to_owned(),
                types: Some(types.split(',').map(str::to_owned).collect()),
            },
        }
    }

    /// Whether everything of `other`, which is of the same patient, is in this.
    pub fn covers(&self, other: &Self) -> bool {
        match (&self.types, &other.types) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(others)) => others.iter().all(|kind| own.contains(kind)),
        }
    }
}

/// The charts that a caller's workstation may keep now, in order.
///
/// # Errors
/// When the database refuses.
pub async fn charts(
    app: &App,
    client: &impl GenericClient,
    caller: &Caller,
    scope: &Scope,
    wishes: &Wishes,
) -> Result<BTreeSet<Chart>, StoreError> {
    let (Some(sight), false) = (Sight::of(app, caller), scope.chart.is_empty()) else {
        return Ok(BTreeSet::new());
    };
    let visitors = {
        let visiting = Facts {
            visiting: true,
            ..Facts::default()
        };
        may_read(app, &sight, ResourceClass::Clinical, visiting)
    };
    let known = known::to_be_kept(app, client, &sight.me, caller.device, visitors).await?;
    let mut keeps = Keeps::new(app, &sight);
    let mut charts: BTreeSet<Chart> = known
        .patients()
        .filter(|patient| !wishes.dropped.iter().any(|dropped| dropped == patient))
        .filter_map(|patient| keeps.chart(&known, patient, &scope.chart))
        .collect();
    // What was opened comes for as long as the user may see it, in the clinic's window or not.
    let wanted: Vec<&str> = wishes
        .wanted
        .iter()
        .map(|(patient, _)| patient.as_str())
        .filter(|patient| !charts.iter().any(|chart| chart.patient == *patient))
        .collect();
    if !wanted.is_empty() {
        let known = sight.known(client, &wanted).await?;
        let more = wanted
            .iter()
            .filter_map(|patient| keeps.chart(&known, patient, &scope.chart));
        charts.extend(more);
    }
    Ok(charts)
}

fn may_read(app: &App, sight: &Sight<'_>, class: ResourceClass, facts: Facts) -> bool {
    let request = Request::new(sight.me.role, Action::Read, class).concerning(facts);
    app.policies.decide(&request).allow()
}

/// Decides by policy, and each question once.
struct Keeps<'a> {
    app: &'a App,
    sight: &'a Sight<'a>,
    decided: HashMap<(Facts, ResourceClass), bool>,
}

impl<'a> Keeps<'a> {
    fn new(app: &'a App, sight: &'a Sight<'a>) -> Self {
        Self {
            app,
            sight,
            decided: HashMap::new(),
        }
    }

    fn chart(&mut self, known: &Known, patient: &str, types: &[&'static str]) -> Option<Chart> {
        let facts = |kind| known.facts(&self.sight.me, patient, kind, self.app.now());
        // Most consents are about the whole record: then one look at the facts is enough.
        let same = types
            .first()
            .filter(|_| known.is_whole(patient))
            .map(|kind| facts(kind));
        let of_types: Vec<_> = types
            .iter()
            .map(|kind| (*kind, same.unwrap_or_else(|| facts(kind))))
            .collect();
        let mut kept = Vec::with_capacity(types.len());
        for (kind, facts) in of_types {
            if self.keeps(facts, ResourceClass::of_record(kind, true)) {
                kept.push(kind.to_owned());
            }
        }
        match kept.len() {
            0 => None,
            all => Some(Chart {
                patient: patient.to_owned(),
                types: (all < types.len()).then_some(kept),
            }),
        }
    }

    fn keeps(&mut self, facts: Facts, class: ResourceClass) -> bool {
        let (app, sight) = (self.app, self.sight);
        *self.decided.entry((facts, class)).or_insert_with(|| {
            let request = Request::new(sight.me.role, Action::Sync, class).concerning(facts);
            // What relates the two, without what closes it and without the user's own word.
            let related = Facts {
                consent_denies: false,
                justified: false,
                emergency: false,
                ..facts
            };
            app.policies.decide(&request).allow()
                && (may_read(app, sight, class, facts) || may_read(app, sight, class, related))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_reads_its_key_and_knows_what_it_covers() {
        let chart = |types: Option<&[&str]>| Chart {
            patient: "p.1-a".to_owned(),
            types: types.map(|types| types.iter().map(|&kind| kind.to_owned()).collect()),
        };
        let (whole, two) = (chart(None), chart(Some(&["Condition", "Observation"])));
        let one = chart(Some(&["Condition"]));
        for chart in [&whole, &two, &one] {
            assert_eq!(Chart::of_key(&chart.key()), *chart);
        }
        assert!(whole.covers(&two) && two.covers(&one) && one.covers(&one));
        assert!(!two.covers(&whole) && !one.covers(&two));
    }
}
