//! Two records of one person, side by side.

use cache::PatientCard;
use fhir::likeness::{Agreement, Element, Finding, Likeness};
use fhir::person;
use fhir::same_person::Difference;
use serde_json::{Value, json};

use super::texts::{concept, first_code, text};
use crate::view::patient::Survivor;
use crate::view::same_person::{FindingView, LikeAgreement, LikeElement, PairField};

/// What was compared.
#[must_use]
pub fn findings(likeness: &Likeness) -> Vec<FindingView> {
    likeness.findings.iter().map(finding).collect()
}

fn finding(finding: &Finding) -> FindingView {
    FindingView {
        element: match finding.element {
            Element::Given => LikeElement::Given,
            Element::Family => LikeElement::Family,
            Element::Generation => LikeElement::Generation,
            Element::BirthDate => LikeElement::BirthDate,
            Element::Sex => LikeElement::Sex,
            Element::Phone => LikeElement::Phone,
            Element::Email => LikeElement::Email,
            Element::Address => LikeElement::Address,
            Element::SocialSecurity => LikeElement::SocialSecurity,
            Element::RecordNumber => LikeElement::RecordNumber,
            Element::Identifier => LikeElement::Identifier,
        },
        agreement: match finding.agreement {
            Agreement::Same => LikeAgreement::Same,
            Agreement::Close => LikeAgreement::Close,
            Agreement::Crossed => LikeAgreement::Crossed,
            Agreement::Apart => LikeAgreement::Apart,
        },
    }
}

/// The record that stands for a card's patient.
#[must_use]
pub fn survivor(card: &PatientCard) -> Option<Survivor> {
    card.replaced_by.as_ref().map(|survivor| Survivor {
        id: survivor.id.clone(),
        name: survivor.name.clone(),
    })
}

/// The elements that differ, in words.
#[must_use]
pub fn fields(differences: &[Difference]) -> Vec<PairField> {
    differences
        .iter()
        .map(|difference| PairField {
            element: difference.element.to_owned(),
            one: words(difference.element, difference.one.as_ref()),
            other: words(difference.element, difference.other.as_ref()),
            is_list: difference.is_list,
        })
        // Two ways of writing the same words need no choice.
        .filter(|field| field.one != field.other)
        .collect()
}

fn words(element: &str, value: Option<&Value>) -> Option<String> {
    let said = match value? {
        Value::Array(items) => items
            .iter()
            .filter_map(|item| item_in_words(element, item))
            .collect::<Vec<_>>()
            .join("\n"),
        one => item_in_words(element, one)?,
    };
    (!said.is_empty()).then_some(said)
}

fn item_in_words(element: &str, item: &Value) -> Option<String> {
    let said = match (element, item) {
        (_, Value::String(text)) => text.clone(),
        (_, Value::Number(number)) => number.to_string(),
        (_, Value::Bool(yes)) => if *yes { "yes" } else { "no" }.to_owned(),
        ("name", name) => {
            let written = person::write_name(name);
            match text(name, "use") {
                Some(used @ ("maiden" | "old" | "nickname")) => format!("{written} ({used})"),
                _ => written,
            }
        }
        ("telecom", point) => text(point, "value")?.to_owned(),
        ("identifier", identifier) => {
            let kind = identifier
                .get("type")
                .and_then(|kind| match first_code(kind) {
                    Some("MR") => Some("MRN".to_owned()),
                    Some("SS") => Some("SSN".to_owned()),
                    _ => concept(kind),
                });
            let value = text(identifier, "value")?;
            match kind {
                Some(kind) => format!("{kind} {value}"),
                None => value.to_owned(),
            }
        }
        ("address", address) => super::people::address(&json!({"address": [address]}))?,
        ("contact", contact) => contact
            .get("name")
            .map(person::write_name)
            .filter(|name| !name.is_empty())?,
        ("communication", spoken) => spoken.get("language").and_then(concept)?,
        (_, reference) if reference.get("reference").is_some() => text(reference, "display")
            .or_else(|| text(reference, "reference"))?
            .to_owned(),
        (_, coded) => concept(coded)?,
    };
    (!said.is_empty()).then_some(said)
}

#[cfg(test)]
mod tests {
    use fhir::same_person::differences;

    use super::*;

    #[test]
    fn elements_read_as_people_write_them() {
        let one = json!({"resourceType": "Patient", "id": "a", "birthDate": "1980-03-14",
            "name": [{"family": "Okafor", "given": ["Ada"]},
                     {"use": "maiden", "family": "Eze", "given": ["Ada"]}],
            "identifier": [{"type": {"coding": [{"code": "MR"}]}, "value": "17"}],
            "telecom": [{"system": "phone", "value": "555-0101"}],
            "generalPractitioner": [{"reference": "Practitioner/dr1", "display": "Dr. Lovelace"}],
            "multipleBirthBoolean": true});
        let other = json!({"resourceType": "Patient", "id": "b",
            "address": [{"line": ["1 Main St"], "city": "Springfield"}]});
        let fields = fields(&differences(&one, &other));
        let said: Vec<(&str, Option<&str>, Option<&str>)> = fields
            .iter()
            .map(|it| (it.element.as_str(), it.one.as_deref(), it.other.as_deref()))
            .collect();
        assert_eq!(
            said,
            [
                ("name", Some("Ada Okafor\nAda Eze (maiden)"), None),
                ("birthDate", Some("1980-03-14"), None),
                ("identifier", Some("MRN 17"), None),
                ("telecom", Some("555-0101"), None),
                ("address", None, Some("1 Main St, Springfield")),
                ("generalPractitioner", Some("Dr. Lovelace"), None),
                ("multipleBirthBoolean", Some("yes"), None),
            ]
        );
    }
}
