//! Recording vital signs.

use access::{Action as Verb, Part, ResourceClass};
use cache::Write;
use ledger::Action;
use serde_json::{Value, json};

use super::Desk;
use crate::desk::Asked;
use crate::error::WorkError;
use crate::show::texts::number;
use crate::view::Saved;
use crate::view::chart::VitalsForm;

/// A vital sign: field, LOINC, display, UCUM unit, and what a living person can have.
struct Sign {
    field: &'static str,
    loinc: &'static str,
    display: &'static str,
    ucum: &'static str,
    low: f64,
    high: f64,
}

const fn sign(
    field: &'static str,
    loinc: &'static str,
    display: &'static str,
    ucum: &'static str,
    low: f64,
    high: f64,
) -> Sign {
    Sign {
        field,
        loinc,
        display,
        ucum,
        low,
        high,
    }
}

const SYSTOLIC: Sign = sign(
    "systolic",
    "8480-6",
    "Systolic blood pressure",
    "mm[Hg]",
    30.0,
    300.0,
);
const DIASTOLIC: Sign = sign(
    "diastolic",
    "8462-4",
    "Diastolic blood pressure",
    "mm[Hg]",
    10.0,
    200.0,
);
const HEART: Sign = sign("heartRate", "8867-4", "Heart rate", "/min", 10.0, 350.0);
const BREATHS: Sign = sign(
    "respiratoryRate",
    "9279-1",
    "Respiratory rate",
    "/min",
    2.0,
    120.0,
);
const TEMPERATURE: Sign = sign(
    "temperature",
    "8310-5",
    "Body temperature",
    "Cel",
    25.0,
    45.0,
);
const OXYGEN: Sign = sign(
    "oxygenSaturation",
    "59408-5",
    "Oxygen saturation in Arterial blood by Pulse oximetry",
    "%",
    30.0,
    100.0,
);
const WEIGHT: Sign = sign("weight", "29463-7", "Body weight", "kg", 0.2, 650.0);
const HEIGHT: Sign = sign("height", "8302-2", "Body height", "cm", 20.0, 280.0);

impl Desk {
    /// Records a set of vital signs: an Observation each, one change together.
    ///
    /// # Errors
    /// [`WorkError`].
    pub fn add_vitals(&self, form: &VitalsForm) -> Result<Saved, WorkError> {
        let permit = self.permit(&Asked {
            action: Action::VitalsRecorded,
            verb: Verb::Create,
            classes: &[ResourceClass::Clinical],
            patient: Some(&form.patient),
            part: Part::Type("Observation"),
        })?;
        check(form)?;
        self.read(|cache| cache.patient_card(&form.patient))?
            .ok_or(WorkError::Missing)?;
        let mut writes = Vec::new();
        let mut put = |resource| {
            writes.push(Write::Put {
                resource,
                base: None,
            })
        };
        if let (Some(systolic), Some(diastolic)) = (form.systolic, form.diastolic) {
            let mut pressure =
                self.observation(&form.patient, "85354-9", "Blood pressure panel")?;
            pressure["component"] = json!([
                {"code": code(SYSTOLIC.loinc, SYSTOLIC.display), "valueQuantity": quantity(&SYSTOLIC, systolic)},
                {"code": code(DIASTOLIC.loinc, DIASTOLIC.display), "valueQuantity": quantity(&DIASTOLIC, diastolic)}
            ]);
            put(pressure);
        }
        for (sign, value) in singles(form) {
            let Some(value) = value else { continue };
            let mut observation = self.observation(&form.patient, sign.loinc, sign.display)?;
            if sign.loinc == OXYGEN.loinc
                && let Some(codings) = observation["code"]["coding"].as_array_mut()
            {
                // The vital-signs profile asks for the general code beside the method's own.
                codings.push(json!({"system": "http://loinc.org", "code": "2708-6",
                    "display": "Oxygen saturation in Arterial blood"}));
            }
            observation["valueQuantity"] = quantity(sign, value);
            put(observation);
        }
        let event = self.permitted(&permit)?.about(form.patient.clone());
        self.save("vitals", writes, event, |_| Ok(()))
    }

    fn observation(&self, patient: &str, loinc: &str, display: &str) -> Result<Value, WorkError> {
        let now = self.wall(self.now());
        let mut observation = json!({
            "resourceType": "Observation",
            "id": self.fresh_id()?,
            "status": "final",
            "category": [{
                "coding": [{
                    "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                    "code": "vital-signs", "display": "Vital Signs"
                }],
                "text": "Vital Signs"
            }],
            "code": code(loinc, display),
            "subject": {"reference": format!("Patient/{patient}")},
            "effectiveDateTime": now,
            "issued": now
        });
        if let Some(practitioner) = &self.identity.user.practitioner {
            observation["performer"] = json!([{
                "reference": format!("Practitioner/{practitioner}"),
                "display": self.identity.user.display_name
            }]);
        }
        Ok(observation)
    }
}

fn singles(form: &VitalsForm) -> [(&'static Sign, Option<f64>); 6] {
    [
        (&HEART, form.heart_rate),
        (&BREATHS, form.respiratory_rate),
        (&TEMPERATURE, form.temperature),
        (&OXYGEN, form.oxygen_saturation),
        (&WEIGHT, form.weight),
        (&HEIGHT, form.height),
    ]
}

fn check(form: &VitalsForm) -> Result<(), WorkError> {
    let pressure = [(&SYSTOLIC, form.systolic), (&DIASTOLIC, form.diastolic)];
    let all = pressure.into_iter().chain(singles(form));
    let mut any = false;
    for (sign, value) in all {
        let Some(value) = value else { continue };
        any = true;
        if !value.is_finite() || value < sign.low || value > sign.high {
            return Err(WorkError::invalid(
                sign.field,
                format!(
                    "{} is between {} and {} {}.",
                    sign.display,
                    number(sign.low),
                    number(sign.high),
                    sign.ucum
                ),
            ));
        }
    }
    if !any {
        return Err(WorkError::invalid(
            "systolic",
            "There is nothing to record yet.",
        ));
    }
    match (form.systolic, form.diastolic) {
        (Some(_), None) => Err(WorkError::invalid(
            "diastolic",
            "Blood pressure has two values.",
        )),
        (None, Some(_)) => Err(WorkError::invalid(
            "systolic",
            "Blood pressure has two values.",
        )),
        (Some(systolic), Some(diastolic)) if diastolic >= systolic => Err(WorkError::invalid(
            "diastolic",
            "The diastolic value is lower than the systolic one.",
        )),
        _ => Ok(()),
    }
}

fn code(loinc: &str, display: &str) -> Value {
    json!({
        "coding": [{"system": "http://loinc.org", "code": loinc, "display": display}],
        "text": display
    })
}

fn quantity(sign: &Sign, value: f64) -> Value {
    // Whole numbers are written without a point, as people write them.
    let rounded = (value * 100.0).round() / 100.0;
    let value = if rounded.fract() == 0.0 {
        json!(rounded as i64)
    } else {
        json!(rounded)
    };
    json!({"value": value, "unit": sign.ucum, "system": "http://unitsofmeasure.org", "code": sign.ucum})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty() -> VitalsForm {
        VitalsForm {
            patient: "p".into(),
            systolic: None,
            diastolic: None,
            heart_rate: None,
            respiratory_rate: None,
            temperature: None,
            oxygen_saturation: None,
            weight: None,
            height: None,
        }
    }

    fn field(form: &VitalsForm) -> Option<&'static str> {
        match check(form) {
            Err(WorkError::Invalid { field, .. }) => Some(field),
            _ => None,
        }
    }

    #[test]
    fn slips_of_typing_are_named() {
        assert_eq!(field(&empty()), Some("systolic"));
        assert_eq!(
            field(&VitalsForm {
                systolic: Some(120.0),
                ..empty()
            }),
            Some("diastolic")
        );
        let swapped = VitalsForm {
            systolic: Some(80.0),
            diastolic: Some(120.0),
            ..empty()
        };
        assert_eq!(field(&swapped), Some("diastolic"));
        // Fahrenheit.
        assert_eq!(
            field(&VitalsForm {
                temperature: Some(98.6),
                ..empty()
            }),
            Some("temperature")
        );
        assert_eq!(
            field(&VitalsForm {
                weight: Some(f64::NAN),
                ..empty()
            }),
            Some("weight")
        );
        assert_eq!(
            field(&VitalsForm {
                heart_rate: Some(72.0),
                ..empty()
            }),
            None
        );
    }

    #[test]
    fn numbers_are_written_as_typed() {
        assert_eq!(quantity(&HEART, 72.0)["value"].to_string(), "72");
        assert_eq!(quantity(&TEMPERATURE, 37.2)["value"].to_string(), "37.2");
    }
}
