//! What a server knows of who looked.

use jiff::Timestamp;
use protocol::report::{
    CloseReview, Closing, ReportPage, ReportQuery, ReportRow, ReviewItem, ReviewKind, ReviewPage,
};
use uuid::Uuid;
use workstation::port::server::ReportForm;

/// Remembers what it was asked.
#[derive(Default)]
pub struct Office {
    pub asked: Vec<String>,
    closed: Option<Closing>,
}

impl Office {
    pub fn who_looked(&mut self, patient: &str, cursor: Option<&str>) -> ReportPage {
        self.asked.push(format!("who {patient} {cursor:?}"));
        page()
    }

    pub fn report(&mut self, query: &ReportQuery) -> ReportPage {
        self.asked.push(serde_json::to_string(query).unwrap());
        page()
    }

    pub fn file(&mut self, query: &ReportQuery, form: ReportForm) -> Vec<u8> {
        self.asked.push(format!(
            "{form:?} {}",
            serde_json::to_string(query).unwrap()
        ));
        b"recorded,action\n".to_vec()
    }

    pub fn reviews(&mut self, closed: bool) -> ReviewPage {
        let item = self.item();
        ReviewPage {
            open: u64::from(item.closed.is_none()),
            items: Some(item)
                .filter(|item| item.closed.is_some() == closed)
                .into_iter()
                .collect(),
            next: None,
        }
    }

    pub fn close(&mut self, closing: &CloseReview) -> ReviewItem {
        self.closed = Some(Closing {
            at: at(),
            by: "Ada Lovelace".into(),
            finding: closing.finding,
            words: closing.words.clone(),
        });
        self.item()
    }

    fn item(&self) -> ReviewItem {
        ReviewItem {
            id: Uuid::from_u128(9),
            kind: ReviewKind::Emergency,
            opened_at: at(),
            event: None,
            user: None,
            user_name: Some("Bo".into()),
            patient: Some("p1".into()),
            patient_name: None,
            device: None,
            device_name: None,
            words: "Unconscious".into(),
            closed: self.closed.clone(),
        }
    }
}

fn at() -> Timestamp {
    "2026-01-05T14:00:00Z".parse().unwrap()
}

fn page() -> ReportPage {
    ReportPage {
        rows: vec![ReportRow {
            id: Uuid::from_u128(4),
            recorded: at(),
            action: "chart-opened".into(),
            success: true,
            user: Some(Uuid::from_u128(7)),
            user_name: Some("Ada Lovelace".into()),
            role: Some("clinician".into()),
            device: None,
            device_name: Some("Room 2".into()),
            address: None,
            patient: Some("p1".into()),
            patient_name: None,
            entities: Vec::new(),
            explanation: Some("The patient is assigned to you.".into()),
            justification: None,
            purpose: Some("TREAT".into()),
        }],
        total: 1,
        next: None,
    }
}
