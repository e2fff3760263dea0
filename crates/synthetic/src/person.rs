//! Who a patient is: what the front desk knows.

use jiff::civil::Date;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::dice::Dice;
use crate::json::{MRN, age, coding, days_between, plus_days, reference, terminology};
use crate::names::{self, Name, Script};
use crate::staff::Staff;

/// A patient's identity, cheap to draw for any index without drawing the others.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) index: u32,
    pub(crate) id: Uuid,
    pub(crate) name: Name,
    pub(crate) woman: bool,
    pub(crate) birth: Date,
    pub(crate) death: Option<Date>,
    /// Index of the practitioner who looks after this patient.
    pub(crate) practitioner: usize,
}

/// Places a clinic's patients come from; streets are invented.
const TOWNS: &[(&str, &str, &str)] = &[
    ("Northampton", "MA", "01060"),
    ("Easthampton", "MA", "01027"),
    ("Amherst", "MA", "01002"),
    ("Holyoke", "MA", "01040"),
    ("Greenfield", "MA", "01301"),
    ("Brattleboro", "VT", "05301"),
    ("Keene", "NH", "03431"),
];

const STREETS: &[&str] = &[
    "Alder Street",
    "Birch Lane",
    "Canal Street",
    "Cedar Court",
    "Chestnut Avenue",
    "Elm Street",
    "Foundry Road",
    "Garden Way",
    "Hawthorn Drive",
    "Juniper Road",
    "Larch Hill",
    "Maple Street",
    "Mill Pond Road",
    "Orchard Lane",
    "Prospect Street",
    "Quarry Road",
    "River Road",
    "Sycamore Terrace",
    "Tannery Row",
    "Willow Bend",
];

impl Person {
    /// The patient with this index, on `today`.
    pub(crate) fn draw(seed: u64, index: u32, today: Date, staff: &Staff) -> Self {
        let mut dice = Dice::new(seed, "person", u64::from(index));
        let id = dice.uuid();
        // The first few of every clinic are the ones that break screens, so that a small
        // clinic has them too.
        let (script, days) = match index {
            0 => (Script::Latin, 58 * 365),
            11 => (Script::Latin, 29 * 365 + 140),
            1 => (Script::Cyrillic, dice.whole(35, 60) * 365),
            2 => (Script::Han, dice.whole(25, 70) * 365),
            3 => (Script::Latin, dice.whole(3, 12)),
            4 => (Script::Arabic, dice.whole(30, 50) * 365),
            5 => (Script::Latin, 103 * 366),
            6 => (Script::Devanagari, dice.whole(8, 12) * 365),
            7 => (Script::Single, dice.whole(40, 60) * 365),
            8 => (Script::Unusual, dice.whole(50, 70) * 365),
            9 => (Script::Marked, dice.whole(400, 500)),
            _ => (Script::draw(&mut dice), age_in_days(&mut dice)),
        };
        let woman = index == 11 || dice.chance(0.52);
        let name = names::draw(&mut dice, script, woman);
        let birth = plus_days(today, -days);
        let years = days as f64 / 365.25;
        let dying = if index == 10 {
            1.0
        } else {
            match years {
                y if y > 85.0 => 0.12,
                y if y > 65.0 => 0.04,
                y if y > 30.0 => 0.008,
                _ => 0.0,
            }
        };
        let death = dice
            .chance(dying)
            .then(|| plus_days(today, -dice.whole(40.min(days), 900.min(days))));
        let practitioner = staff.suited(years, &mut dice);
        Self {
            index,
            id,
            name,
            woman,
            birth,
            death,
            practitioner,
        }
    }

    /// Age in years with its fraction.
    pub(crate) fn age(&self, on: Date) -> f64 {
        age(self.birth, on)
    }

    /// The Patient resource.
    pub(crate) fn resource(&self, seed: u64, today: Date, staff: &Staff) -> Value {
        let mut dice = Dice::new(seed, "demographics", u64::from(self.index));
        let child = self.age(today) < 18.0;
        let mut patient = json!({
            "resourceType": "Patient",
            "id": self.id.to_string(),
            "identifier": self.identifiers(seed, &mut dice),
            "active": self.death.is_none(),
            "name": self.names(),
            "gender": if self.woman { "female" } else { "male" },
            "birthDate": self.birth.to_string(),
            "address": [address(&mut dice)],
            "communication": [{
                "language": {
                    "coding": [coding("urn:ietf:bcp:47", self.name.language.0, self.name.language.1)],
                    "text": self.name.language.1,
                },
                "preferred": true,
            }],
            "generalPractitioner": [staff.reference(self.practitioner)],
            "managingOrganization": reference("Organization", staff.organisation),
        });
        let mut telecom = Vec::new();
        if dice.chance(0.95) {
            telecom.push(json!({
                "system": "phone",
                "value": telephone(&mut dice),
                "use": if dice.chance(0.7) { "mobile" } else { "home" },
            }));
        }
        if !child && dice.chance(0.6) {
            telecom.push(json!({ "system": "email", "value": self.email(&mut dice) }));
        }
        if !telecom.is_empty() {
            patient["telecom"] = Value::Array(telecom);
        }
        if let Some(death) = self.death {
            patient["deceasedDateTime"] = json!(death.to_string());
        }
        if child {
            patient["contact"] = json!([self.parent(&mut dice)]);
        } else {
            let (code, text) = *dice.pick(&[
                ("M", "Married"),
                ("M", "Married"),
                ("S", "Never Married"),
                ("D", "Divorced"),
                ("W", "Widowed"),
            ]);
            patient["maritalStatus"] = json!({
                "coding": [coding(&terminology("v3-MaritalStatus"), code, text)],
                "text": text,
            });
        }
        patient
    }

    fn identifiers(&self, seed: u64, dice: &mut Dice) -> Value {
        let kind = |code: &str, text: &str| json!({ "coding": [coding(&terminology("v2-0203"), code, text)] });
        let mut list = vec![json!({
            "use": "usual",
            "type": kind("MR", "Medical record number"),
            "system": MRN,
            "value": format!("{:07}", 1_000_000 + u64::from(self.index)),
        })];
        if dice.chance(0.8) {
            list.push(json!({
                "type": kind("SS", "Social Security number"),
                "system": "http://hl7.org/fhir/sid/us-ssn",
                "value": social_security(seed, self.index),
            }));
        }
        Value::Array(list)
    }

    fn names(&self) -> Value {
        let name = |purpose: &str, family: Option<&str>, given: &[String], text: String| {
            let mut name = json!({ "use": purpose, "text": text, "given": given });
            if let Some(family) = family {
                name["family"] = json!(family);
            }
            name
        };
        let own = &self.name;
        let mut list = vec![name(
            "official",
            own.family.as_deref(),
            &own.given,
            own.text(),
        )];
        if let Some((family, given)) = &own.latin {
            let text = format!("{given} {family}");
            list.push(name(
                "usual",
                Some(family),
                std::slice::from_ref(given),
                text,
            ));
        }
        Value::Array(list)
    }

    fn email(&self, dice: &mut Dice) -> String {
        let host = *dice.pick(&["example.com", "example.org", "example.net"]);
        format!("patient{}@{host}", 1000 + self.index)
    }

    fn parent(&self, dice: &mut Dice) -> Value {
        let mother = dice.chance(0.7);
        let drawn = names::plain(dice, mother);
        let family = self.name.latin.as_ref().map(|(family, _)| family.clone());
        let family = family.or_else(|| self.name.family.clone()).or(drawn.family);
        let given = drawn.given;
        let text = format!("{} {}", given.join(" "), family.clone().unwrap_or_default());
        json!({
            "relationship": [{
                "coding": [coding(&terminology("v3-RoleCode"), if mother { "MTH" } else { "FTH" }, if mother { "mother" } else { "father" })],
                "text": if mother { "Mother" } else { "Father" },
            }],
            "name": { "family": family.unwrap_or_default(), "given": given, "text": text },
            "telecom": [{ "system": "phone", "value": telephone(dice), "use": "mobile" }],
        })
    }
}

/// The ages of a general practice: every age, more children and more old people than chance.
fn age_in_days(dice: &mut Dice) -> i64 {
    let years = match dice.whole(0, 99) {
        0..=2 => dice.between(0.02, 1.0),
        3..=9 => dice.between(1.0, 6.0),
        10..=20 => dice.between(6.0, 18.0),
        21..=45 => dice.between(18.0, 42.0),
        46..=72 => dice.between(42.0, 65.0),
        73..=94 => dice.between(65.0, 86.0),
        95..=98 => dice.between(86.0, 96.0),
        _ => dice.between(96.0, 104.0),
    };
    (years * 365.25) as i64
}

/// Numbers that the Social Security Administration never gives out: area 900 to 999 with a
/// group outside those used for taxpayer numbers, each once.
fn social_security(seed: u64, index: u32) -> String {
    const GROUPS: u64 = 49;
    const SERIALS: u64 = 9_999;
    const ALL: u64 = 100 * GROUPS * SERIALS;
    // The factor shares no divisor with ALL, so each index has a number of its own.
    let place = (u64::from(index) * 7_919_321 + seed % ALL) % ALL;
    let serial = place % SERIALS + 1;
    let group = place / SERIALS % GROUPS + 1;
    let area = 900 + place / SERIALS / GROUPS;
    format!("{area}-{group:02}-{serial:04}")
}

/// A number from the range kept for fiction.
fn telephone(dice: &mut Dice) -> String {
    let area = *dice.pick(&["413", "508", "617", "774", "802", "603"]);
    format!("+1 {area} 555 01{:02}", dice.whole(0, 99))
}

fn address(dice: &mut Dice) -> Value {
    let (city, state, code) = *dice.pick(TOWNS);
    let street = format!("{} {}", dice.whole(1, 240), dice.pick(STREETS));
    let mut lines = vec![street];
    if dice.chance(0.2) {
        lines.push(format!("Apt {}", dice.whole(1, 40)));
    }
    json!({ "use": "home", "line": lines, "city": city, "state": state, "postalCode": code, "country": "US" })
}

/// Whether `on` lies in the person's life.
pub(crate) fn alive(person: &Person, on: Date) -> bool {
    days_between(person.birth, on) >= 0
        && person.death.is_none_or(|death| days_between(on, death) > 0)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn social_security_numbers_are_unique_and_never_issued() {
        let mut seen = HashSet::new();
        for index in 0..50_000 {
            let number = super::social_security(11, index);
            let area: u32 = number[..3].parse().unwrap();
            let group: u32 = number[4..6].parse().unwrap();
            assert!((900..=999).contains(&area), "{number}");
            assert!((1..50).contains(&group), "{number}");
            assert_ne!(&number[7..], "0000");
            assert!(seen.insert(number));
        }
    }
}
