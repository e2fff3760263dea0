//! The clinic itself: organisation, rooms, people who work there, and how they sign in.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::dice::Dice;
use crate::json::{SNOMED, coding, concept, named, reference, status, terminology};
use crate::names::{self, Name};

/// A person who signs in to Rounds, as `users.json` lists one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Sign-in name.
    pub username: String,
    /// Wire name of the role: `clinician`, `nurse`, `front-desk`, `security-officer`,
    /// `auditor`, `administrator`.
    pub role: String,
    /// Name for people.
    pub display_name: String,
    /// Logical id of the user's Practitioner, if the user is one.
    pub practitioner: Option<String>,
}

/// A field of medicine practised here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Family,
    Paediatrics,
    Internal,
    Obstetrics,
    Endocrinology,
    Cardiology,
    Psychiatry,
}

impl Field {
    fn code(self) -> (&'static str, &'static str) {
        match self {
            Self::Family => ("419772000", "Family practice"),
            Self::Paediatrics => ("394537008", "Paediatrics"),
            Self::Internal => ("419192003", "Internal medicine"),
            Self::Obstetrics => ("394585009", "Obstetrics and gynaecology"),
            Self::Endocrinology => ("394583002", "Endocrinology"),
            Self::Cardiology => ("394579002", "Cardiology"),
            Self::Psychiatry => ("394587001", "Psychiatry"),
        }
    }

    /// Whether a person of this age comes to this field for general care.
    fn suits(self, years: f64) -> bool {
        match self {
            Self::Family => true,
            Self::Paediatrics => years < 18.0,
            _ => years >= 18.0,
        }
    }
}

/// One who sees patients.
#[derive(Debug, Clone)]
pub(crate) struct Practitioner {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) field: Field,
    pub(crate) room: Uuid,
    pub(crate) room_name: String,
    pub(crate) schedule: Uuid,
    written: Name,
    woman: bool,
}

/// All who work here, and where.
#[derive(Debug, Clone)]
pub(crate) struct Staff {
    pub(crate) organisation: Uuid,
    pub(crate) clinic_name: &'static str,
    pub(crate) practitioners: Vec<Practitioner>,
    pub(crate) insurers: Vec<(Uuid, &'static str)>,
    pub(crate) users: Vec<User>,
    site: Uuid,
    waiting_room: Uuid,
    nurse: (Uuid, Name),
}

/// How many see patients in a clinic of this size.
fn head_count(patients: u32) -> usize {
    (3 + patients as usize / 200).clamp(3, 40)
}

impl Staff {
    pub(crate) fn draw(seed: u64, patients: u32) -> Self {
        const FIELDS: [Field; 10] = [
            Field::Family,
            Field::Paediatrics,
            Field::Internal,
            Field::Family,
            Field::Obstetrics,
            Field::Endocrinology,
            Field::Family,
            Field::Cardiology,
            Field::Psychiatry,
            Field::Internal,
        ];
        let mut dice = Dice::new(seed, "staff", 0);
        let organisation = dice.uuid();
        let site = dice.uuid();
        let waiting_room = dice.uuid();
        let insurers = [
            "Pioneer Valley Health Plan",
            "Commonwealth Mutual",
            "Medicare",
        ]
        .map(|name| (dice.uuid(), name))
        .to_vec();
        let mut usernames = Vec::new();
        let mut users = Vec::new();
        let mut fresh = |dice: &mut Dice, woman: bool| loop {
            let name = names::plain(dice, woman);
            let username = username(&name);
            if !usernames.contains(&username) {
                usernames.push(username.clone());
                return (name, username);
            }
        };
        let mut practitioners = Vec::new();
        for place in 0..head_count(patients) {
            let mut dice = Dice::new(seed, "practitioner", place as u64);
            let woman = dice.chance(0.55);
            let (written, username) = fresh(&mut dice, woman);
            let person = Practitioner {
                id: dice.uuid(),
                name: format!("Dr. {}", written.text()),
                field: FIELDS[place % FIELDS.len()],
                room: dice.uuid(),
                room_name: format!("Room {}", place + 1),
                schedule: dice.uuid(),
                written,
                woman,
            };
            users.push(User {
                username,
                role: "clinician".to_owned(),
                display_name: person.name.clone(),
                practitioner: Some(person.id.to_string()),
            });
            practitioners.push(person);
        }
        let (nurse_name, nurse_username) = fresh(&mut dice, true);
        let nurse = (dice.uuid(), nurse_name);
        users.push(User {
            username: nurse_username,
            role: "nurse".to_owned(),
            display_name: nurse.1.text(),
            practitioner: Some(nurse.0.to_string()),
        });
        for role in [
            "front-desk",
            "front-desk",
            "security-officer",
            "auditor",
            "administrator",
        ] {
            let woman = dice.chance(0.5);
            let (name, username) = fresh(&mut dice, woman);
            users.push(User {
                username,
                role: role.to_owned(),
                display_name: name.text(),
                practitioner: None,
            });
        }
        Self {
            organisation,
            clinic_name: "Connecticut River Family Health",
            practitioners,
            insurers,
            users,
            site,
            waiting_room,
            nurse,
        }
    }

    /// Who looks after a patient of this age.
    pub(crate) fn suited(&self, years: f64, dice: &mut Dice) -> usize {
        let general = |field| matches!(field, Field::Family | Field::Internal | Field::Paediatrics);
        let fit: Vec<usize> = (0..self.practitioners.len())
            .filter(|place| {
                let field = self.practitioners[*place].field;
                // A child's own doctor is the paediatrician.
                general(field)
                    && field.suits(years)
                    && (years >= 12.0 || field == Field::Paediatrics)
            })
            .collect();
        *dice.pick(&fit)
    }

    pub(crate) fn reference(&self, place: usize) -> Value {
        let person = &self.practitioners[place];
        named("Practitioner", person.id, &person.name)
    }

    pub(crate) fn nurse_reference(&self) -> Value {
        named("Practitioner", self.nurse.0, &self.nurse.1.text())
    }

    /// Organisation, locations, practitioners and their roles.
    pub(crate) fn resources(&self) -> Vec<Value> {
        let mut list = vec![self.organisation_resource()];
        for (place, (id, name)) in self.insurers.iter().enumerate() {
            list.push(json!({
                "resourceType": "Organization",
                "id": id.to_string(),
                "active": true,
                "type": [status("organization-type", "ins")],
                "name": name,
                "telecom": [{ "system": "phone", "value": format!("+1 617 555 018{place}") }],
            }));
        }
        list.push(self.location(self.site, self.clinic_name, None));
        list.push(self.location(self.waiting_room, "Waiting room", Some(("wa", "Ward"))));
        for person in &self.practitioners {
            list.push(self.location(person.room, &person.room_name, Some(("ro", "Room"))));
        }
        for (place, person) in self.practitioners.iter().enumerate() {
            list.push(practitioner(
                person.id,
                &person.written,
                person.woman,
                Some("Dr."),
                place,
            ));
            list.push(self.role(
                person.id,
                &person.name,
                ("doctor", "Doctor"),
                person.field.code(),
                Some(person.room),
            ));
        }
        list.push(practitioner(self.nurse.0, &self.nurse.1, true, None, 900));
        list.push(self.role(
            self.nurse.0,
            &self.nurse.1.text(),
            ("nurse", "Nurse"),
            ("722165004", "Nursing"),
            None,
        ));
        list
    }

    fn organisation_resource(&self) -> Value {
        json!({
            "resourceType": "Organization",
            "id": self.organisation.to_string(),
            "active": true,
            "type": [status("organization-type", "prov")],
            "name": self.clinic_name,
            "telecom": [{ "system": "phone", "value": "+1 413 555 0100", "use": "work" }],
            "address": [{ "line": ["12 Canal Street"], "city": "Northampton", "state": "MA", "postalCode": "01060", "country": "US" }],
        })
    }

    fn location(&self, id: Uuid, name: &str, kind: Option<(&str, &str)>) -> Value {
        let mut location = json!({
            "resourceType": "Location",
            "id": id.to_string(),
            "status": "active",
            "name": name,
            "mode": "instance",
            "managingOrganization": reference("Organization", self.organisation),
        });
        if let Some((code, text)) = kind {
            location["physicalType"] = concept(&terminology("location-physical-type"), code, text);
            location["partOf"] = reference("Location", self.site);
        }
        location
    }

    fn role(
        &self,
        id: Uuid,
        name: &str,
        code: (&str, &str),
        field: (&str, &str),
        room: Option<Uuid>,
    ) -> Value {
        let mut role = json!({
            "resourceType": "PractitionerRole",
            // One role each: its id is the practitioner's, in another type.
            "id": id.to_string(),
            "active": true,
            "practitioner": named("Practitioner", id, name),
            "organization": named("Organization", self.organisation, self.clinic_name),
            "code": [concept(&terminology("practitioner-role"), code.0, code.1)],
            "specialty": [concept(SNOMED, field.0, field.1)],
        });
        if let Some(room) = room {
            role["location"] = json!([reference("Location", room)]);
        }
        role
    }

    /// The Schedule of each who sees patients.
    pub(crate) fn schedules(&self, first: &str, last: &str) -> Vec<Value> {
        self.practitioners
            .iter()
            .map(|person| {
                let (code, text) = person.field.code();
                json!({
                    "resourceType": "Schedule",
                    "id": person.schedule.to_string(),
                    "active": true,
                    "specialty": [concept(SNOMED, code, text)],
                    "actor": [
                        named("Practitioner", person.id, &person.name),
                        named("Location", person.room, &person.room_name),
                    ],
                    "planningHorizon": { "start": first, "end": last },
                })
            })
            .collect()
    }
}

fn practitioner(id: Uuid, name: &Name, woman: bool, prefix: Option<&str>, place: usize) -> Value {
    let text = match prefix {
        Some(prefix) => format!("{prefix} {}", name.text()),
        None => name.text(),
    };
    let mut written = json!({
        "use": "official",
        "text": text,
        "family": name.family.clone().unwrap_or_default(),
        "given": name.given,
    });
    if let Some(prefix) = prefix {
        written["prefix"] = json!([prefix]);
    }
    json!({
        "resourceType": "Practitioner",
        "id": id.to_string(),
        // No provider number begins with 99999: it names nobody.
        "identifier": [{
            "type": { "coding": [coding(&terminology("v2-0203"), "NPI", "National provider identifier")] },
            "system": "http://hl7.org/fhir/sid/us-npi",
            "value": format!("99999{place:05}"),
        }],
        "active": true,
        "name": [written],
        "gender": if woman { "female" } else { "male" },
    })
}

/// First letter of the first name and the family name, in plain letters.
fn username(name: &Name) -> String {
    let initial = name.given.first().and_then(|given| given.chars().next());
    let family = name.family.as_deref().unwrap_or_default();
    initial
        .into_iter()
        .chain(family.chars())
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_ascii_lowercase()
}
