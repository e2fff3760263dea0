//! Accesses and reviews as the screens show them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use protocol::report::{
    CloseReview, Closing, Finding, ReportPage, ReportQuery, ReportRow, ReviewItem, ReviewPage,
};
use protocol::{report as wire, report::ReviewKind as Kind};
use uuid::Uuid;

use super::texts::{plain, sentence};
use super::when;
use crate::error::WorkError;
use crate::view::report::{
    AccessPage, AccessRow, CloseForm, ClosingView, ReportForm, ReportSort, ReviewFinding,
    ReviewKind, ReviewView, ReviewsView,
};

/// Rows of a page.
const PAGE: u32 = 200;
/// What a review may be closed with, in characters.
const WORDS: std::ops::RangeInclusive<usize> = 3..=2000;

/// The query of a form.
///
/// # Errors
/// [`WorkError::Invalid`] beside the field that cannot be read.
pub fn query(form: &ReportForm) -> Result<ReportQuery, WorkError> {
    Ok(ReportQuery {
        patient: given(&form.patient),
        user: given(&form.user)
            .map(|id| id.parse::<Uuid>())
            .transpose()
            .map_err(|_| WorkError::invalid("user", "Nobody has this account."))?,
        from: moment("from", &form.from)?,
        until: moment("until", &form.until)?,
        action: given(&form.action),
        success: form.success,
        sort: Some(sort(form.sort)),
        ascending: form.ascending,
        limit: Some(PAGE),
        cursor: given(&form.cursor),
    })
}

fn given(text: &Option<String>) -> Option<String> {
    text.as_deref()
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

fn moment(field: &'static str, text: &Option<String>) -> Result<Option<Timestamp>, WorkError> {
    given(text)
        .map(|text| text.parse())
        .transpose()
        .map_err(|_| WorkError::invalid(field, "This is not a time."))
}

fn sort(sort: ReportSort) -> wire::ReportSort {
    match sort {
        ReportSort::Recorded => wire::ReportSort::Recorded,
        ReportSort::User => wire::ReportSort::User,
        ReportSort::Role => wire::ReportSort::Role,
        ReportSort::Action => wire::ReportSort::Action,
        ReportSort::Outcome => wire::ReportSort::Outcome,
        ReportSort::Patient => wire::ReportSort::Patient,
        ReportSort::Device => wire::ReportSort::Device,
    }
}

/// A page of accesses.
#[must_use]
pub fn page(page: ReportPage, zone: &TimeZone) -> AccessPage {
    AccessPage {
        rows: page.rows.into_iter().map(|it| row(it, zone)).collect(),
        total: u32::try_from(page.total).unwrap_or(u32::MAX),
        next: page.next,
    }
}

fn row(row: ReportRow, zone: &TimeZone) -> AccessRow {
    AccessRow {
        id: row.id.to_string(),
        at: when::moment(row.recorded, zone),
        what: done(&row.action),
        action_code: row.action,
        success: row.success,
        user: row.user.map(|id| id.to_string()),
        user_name: row.user_name,
        role: row.role,
        device_name: row.device_name,
        address: row.address,
        patient: row.patient,
        patient_name: row.patient_name,
        explanation: row.explanation,
        justification: row.justification,
        purpose: row.purpose,
    }
}

/// A stable code in words: `chart-opened` → `Chart opened`.
fn done(code: &str) -> String {
    match code.strip_prefix("fhir-") {
        Some(interaction) => format!("FHIR {}", plain(interaction)),
        None => sentence(&plain(code)),
    }
}

/// What is to be reviewed.
#[must_use]
pub fn reviews(page: ReviewPage, zone: &TimeZone) -> ReviewsView {
    ReviewsView {
        items: page.items.into_iter().map(|it| review(it, zone)).collect(),
        open: u32::try_from(page.open).unwrap_or(u32::MAX),
        next: page.next,
    }
}

/// One thing to review.
#[must_use]
pub fn review(item: ReviewItem, zone: &TimeZone) -> ReviewView {
    ReviewView {
        id: item.id.to_string(),
        kind: match item.kind {
            Kind::Emergency => ReviewKind::Emergency,
            Kind::ChainBroken => ReviewKind::ChainBroken,
            Kind::DeviceReset => ReviewKind::DeviceReset,
            Kind::LedgerBroken => ReviewKind::LedgerBroken,
            Kind::ProofRefused => ReviewKind::ProofRefused,
            Kind::CallForged => ReviewKind::CallForged,
            Kind::WorkSetAside => ReviewKind::WorkSetAside,
        },
        opened_at: when::moment(item.opened_at, zone),
        event: item.event.map(|id| id.to_string()),
        user: item.user.map(|id| id.to_string()),
        user_name: item.user_name,
        patient: item.patient,
        patient_name: item.patient_name,
        device_name: item.device_name,
        words: item.words,
        closed: item.closed.map(|closed| closing(closed, zone)),
    }
}

fn closing(closing: Closing, zone: &TimeZone) -> ClosingView {
    ClosingView {
        at: when::moment(closing.at, zone),
        by: closing.by,
        finding: match closing.finding {
            Finding::Justified => ReviewFinding::Justified,
            Finding::Unjustified => ReviewFinding::Unjustified,
            Finding::Technical => ReviewFinding::Technical,
        },
        words: closing.words,
    }
}

/// The request of a form that closes a review.
///
/// # Errors
/// [`WorkError::Invalid`] beside the field that is not usable, [`WorkError::Missing`] for an id
/// that no review has.
pub fn close(form: &CloseForm) -> Result<CloseReview, WorkError> {
    let words = form.words.trim();
    if !WORDS.contains(&words.chars().count()) {
        return Err(WorkError::invalid(
            "words",
            "Say what was found in 3 to 2,000 characters.",
        ));
    }
    Ok(CloseReview {
        id: form.id.parse().map_err(|_| WorkError::Missing)?,
        finding: match form.finding {
            ReviewFinding::Justified => Finding::Justified,
            ReviewFinding::Unjustified => Finding::Unjustified,
            ReviewFinding::Technical => Finding::Technical,
        },
        words: words.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> ReportForm {
        ReportForm {
            patient: None,
            user: None,
            from: None,
            until: None,
            action: None,
            success: None,
            sort: ReportSort::Device,
            ascending: true,
            cursor: None,
        }
    }

    #[test]
    fn a_form_asks_for_what_was_filled_in() {
        let asked = query(&ReportForm {
            patient: Some(" p1 ".into()),
            action: Some(String::new()),
            from: Some("2026-01-05T09:30:00-05:00".into()),
            ..form()
        })
        .unwrap();
        assert_eq!(asked.patient.as_deref(), Some("p1"));
        assert_eq!(asked.action, None);
        assert_eq!(asked.from, Some("2026-01-05T14:30:00Z".parse().unwrap()));
        assert_eq!(asked.sort, Some(wire::ReportSort::Device));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let field = |form: &ReportForm| match query(form) {
            Err(WorkError::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        let wrong = Some("yesterday".to_owned());
        assert_eq!(
            field(&ReportForm {
                from: wrong.clone(),
                ..form()
            }),
            "from"
        );
        assert_eq!(
            field(&ReportForm {
                user: wrong,
                ..form()
            }),
            "user"
        );
        let closing = close(&CloseForm {
            id: Uuid::nil().to_string(),
            finding: ReviewFinding::Technical,
            words: " x ".into(),
        });
        assert!(matches!(
            closing,
            Err(WorkError::Invalid { field: "words", .. })
        ));
    }

    #[test]
    fn codes_read_as_words() {
        assert_eq!(done("chart-opened"), "Chart opened");
        assert_eq!(done("fhir-search"), "FHIR search");
        for action in ledger::Action::ALL {
            assert!(!done(action.code()).contains('-'), "{}", action.code());
        }
    }
}
