//! The server, asked by an integration client over eight connections, against pgbench.

use load::LoadError;
use load::chance::Chance;
use load::client::Connection;
use load::people;

use crate::ceiling::Script;
use crate::clinic;
use crate::row::{Budget, Figure, Row, RowError};
use crate::served::{Case, Ground, PATIENTS};

/// One row of the server.
pub struct Srv {
    name: &'static str,
    cases: &'static [Case],
    ground: Ground,
}

/// The rows, on one platform.
pub fn rows(ground: &Ground) -> Vec<Box<dyn Row>> {
    [
        ("srv-create", CREATE),
        ("srv-read", READ),
        ("srv-search", SEARCH),
        ("srv-tx", TX),
    ]
    .map(|(name, cases)| {
        let ground = ground.clone();
        Box::new(Srv {
            name,
            cases,
            ground,
        }) as Box<dyn Row>
    })
    .into()
}

impl Row for Srv {
    fn name(&self) -> &'static str {
        self.name
    }

    fn measure(&self, tell: &dyn Fn(&str)) -> Result<Vec<Figure>, RowError> {
        let served = self.ground.served(tell)?;
        self.cases
            .iter()
            .map(|case| served.measure(case, tell))
            .collect()
    }
}

const CREATE: &[Case] = &[Case {
    name: "srv-create",
    unit: "creates/s",
    script: Script::Insert,
    budget: Budget::RatioAtLeast(0.25),
    ask: create,
}];

const READ: &[Case] = &[Case {
    name: "srv-read",
    unit: "reads/s",
    script: Script::Read,
    budget: Budget::RatioAtLeast(0.25),
    ask: read,
}];

const SEARCH: &[Case] = &[
    Case {
        name: "srv-search (family prefix)",
        unit: "searches/s",
        script: Script::Read,
        budget: Budget::RatioAtLeast(0.05),
        ask: by_family,
    },
    Case {
        name: "srv-search (Observation by subject)",
        unit: "searches/s",
        script: Script::Read,
        budget: Budget::RatioAtLeast(0.15),
        ask: by_subject,
    },
];

const TX: &[Case] = &[Case {
    name: "srv-tx",
    unit: "transactions/s",
    script: Script::InsertTen,
    budget: Budget::RatioAtLeast(0.25),
    ask: transaction,
}];

/// Numbers of people who are new: none of those whom the clinic began with.
fn fresh(number: u64) -> usize {
    PATIENTS + number as usize
}

fn create(connection: &mut Connection, number: u64) -> Result<(), LoadError> {
    let patient = people::patient(fresh(number)).to_string();
    connection
        .post("Patient", patient.as_bytes())?
        .done("a create")?;
    Ok(())
}

fn read(connection: &mut Connection, number: u64) -> Result<(), LoadError> {
    let id = clinic::id(0, Chance(number).below(PATIENTS));
    let answer = connection.get(&format!("Patient/{id}"))?.done("a read")?;
    expect(&answer.body, &id)
}

fn by_family(connection: &mut Connection, number: u64) -> Result<(), LoadError> {
    let start = people::family_start(Chance(number).below(PATIENTS));
    let answer = connection
        .get(&format!("Patient?family={start}&_count=10"))?
        .done("a search")?;
    expect(&answer.body, "\"fullUrl\"")
}

fn by_subject(connection: &mut Connection, number: u64) -> Result<(), LoadError> {
    let id = clinic::id(0, Chance(number).below(PATIENTS));
    let answer = connection
        .get(&format!("Observation?subject=Patient/{id}"))?
        .done("a search")?;
    expect(&answer.body, "\"fullUrl\"")
}

fn transaction(connection: &mut Connection, number: u64) -> Result<(), LoadError> {
    let bundle = people::transaction(fresh(number)).to_string();
    let answer = connection
        .post("", bundle.as_bytes())?
        .done("a transaction")?;
    expect(&answer.body, "\"201")
}

/// What was asked for is in the answer; found without parsing it, which the server's time would
/// pay for.
fn expect(body: &[u8], what: &str) -> Result<(), LoadError> {
    if body.windows(what.len()).any(|part| part == what.as_bytes()) {
        return Ok(());
    }
    Err(LoadError::Broken(format!("an answer does not hold {what}")))
}
