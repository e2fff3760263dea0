//! Dates of a patient as spans of the calendar, so that a range can be asked of keyed hashes.
//!
//! A date is kept under the spans that hold it (`1980`, `1980-05`, `1980-05-17`) and under its
//! own span marked with its precision (`=1980-05-17`). A range is asked as the spans that cover
//! it. The answer may hold more than the range; opened records decide.

use fhir::date::{DateRange, Prefix};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// The years that an open range is taken to reach over. Who is outside is found by exact spans only.
const YEARS: std::ops::RangeInclusive<i16> = 1850..=2150;

/// The spans under which a date is kept.
pub fn spans_of(lo: Timestamp, hi: Timestamp, zone: &TimeZone) -> Vec<String> {
    let first = lo.to_zoned(zone.clone()).date();
    let after = hi.to_zoned(zone.clone()).date();
    let (year, month, day) = (year(first), month(first), day(first));
    if first
        .checked_add(Span::new().years(1))
        .is_ok_and(|end| end <= after)
    {
        vec![format!("={year}"), year]
    } else if first
        .checked_add(Span::new().months(1))
        .is_ok_and(|end| end <= after)
    {
        vec![format!("={month}"), year, month]
    } else {
        vec![format!("={day}"), year, month, day]
    }
}

/// Spans of which at least one holds every date that may compare as asked.
/// None for comparisons that leave out nearly nothing (`ne`): ask for presence then.
pub fn cover(prefix: Prefix, range: DateRange, zone: &TimeZone) -> Option<Vec<String>> {
    let first = range.lo.to_zoned(zone.clone()).date();
    // The last day that the range reaches into.
    let last = (range.hi.checked_sub(Span::new().nanoseconds(1)).ok()?)
        .to_zoned(zone.clone())
        .date();
    let earliest = Date::new(*YEARS.start(), 1, 1).ok()?;
    let latest = Date::new(*YEARS.end(), 12, 31).ok()?;
    match prefix {
        Prefix::Eq => Some(between(first, last)),
        Prefix::Ne => None,
        Prefix::Ap => {
            // The matching of opened records widens by a day.
            let margin = Span::new().days(2);
            Some(between(
                first.checked_sub(margin).ok()?,
                last.checked_add(margin).ok()?,
            ))
        }
        Prefix::Gt | Prefix::Ge | Prefix::Sa => Some(between(first, latest.max(last))),
        Prefix::Lt | Prefix::Le | Prefix::Eb => Some(between(earliest.min(first), last)),
    }
}

/// Spans that hold every date from `first` to `last` and those less precise that overlap.
fn between(first: Date, last: Date) -> Vec<String> {
    let mut spans = Vec::new();
    // Less precise dates overlap at the two ends only; inside they are under whole spans anyway.
    for end in [first, last] {
        spans.push(format!("={}", year(end)));
        spans.push(format!("={}", month(end)));
    }
    let mut at = first;
    while at <= last {
        let whole = |span: Span| at.checked_add(span).and_then(|next| next.yesterday()).ok();
        let year_end = whole(Span::new().years(1));
        let month_end = whole(Span::new().months(1));
        let step = if at.day_of_year() == 1 && year_end.is_some_and(|end| end <= last) {
            spans.push(year(at));
            Span::new().years(1)
        } else if at.day() == 1 && month_end.is_some_and(|end| end <= last) {
            spans.push(month(at));
            Span::new().months(1)
        } else {
            spans.push(day(at));
            Span::new().days(1)
        };
        match at.checked_add(step) {
            Ok(next) => at = next,
            Err(_) => break,
        }
    }
    spans.sort_unstable();
    spans.dedup();
    spans
}

fn year(date: Date) -> String {
    format!("{:04}", date.year())
}

fn month(date: Date) -> String {
    format!("{:04}-{:02}", date.year(), date.month())
}

fn day(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn range(text: &str) -> DateRange {
        fhir::date::Written::parse(text)
            .unwrap()
            .range(&TimeZone::UTC)
    }

    fn kept(text: &str) -> Vec<String> {
        let range = range(text);
        spans_of(range.lo, range.hi, &TimeZone::UTC)
    }

    fn meets(prefix: Prefix, asked: &str, stored: &str) -> bool {
        let cover = cover(prefix, range(asked), &TimeZone::UTC).unwrap();
        kept(stored).iter().any(|span| cover.contains(span))
    }

    #[test]
    fn a_range_is_few_spans() {
        let spans = cover(Prefix::Ge, range("1980-05-17"), &TimeZone::UTC).unwrap();
        assert!(spans.len() < 210, "{}", spans.len());
        assert!(meets(Prefix::Ge, "1980-05-17", "1980-05-17"));
        assert!(!meets(Prefix::Ge, "1980-05-17", "1980-05-16"));
        assert!(meets(Prefix::Ge, "1980-05-17", "1980"), "a year overlaps");
        assert!(!meets(Prefix::Lt, "1980-05-17", "1980-05-18"));
        assert!(meets(Prefix::Eq, "1980-05", "1980-05-31"));
        assert!(!meets(Prefix::Eq, "1980-05", "1980-06-01"));
    }

    proptest! {
        // What the matching of opened records accepts is never left out by the cover.
        #[test]
        fn a_cover_leaves_out_nothing(y in 1900i16..2030, m in 1i8..=12, d in 1i8..=28, precision in 0..3,
                                      ay in 1900i16..2030, am in 1i8..=12, ad in 1i8..=28, asked_precision in 0..3) {
            let write = |y: i16, m: i8, d: i8, precision: i32| match precision {
                0 => format!("{y:04}"),
                1 => format!("{y:04}-{m:02}"),
                _ => format!("{y:04}-{m:02}-{d:02}"),
            };
            let (stored, asked) = (write(y, m, d, precision), write(ay, am, ad, asked_precision));
            let (s, a) = (range(&stored), range(&asked));
            let cases = [
                Prefix::Eq, Prefix::Gt, Prefix::Ge, Prefix::Lt, Prefix::Le, Prefix::Sa, Prefix::Eb,
                Prefix::Ap,
            ];
            for prefix in cases {
                let accepted = s.satisfies(prefix, &a);
                prop_assert!(!accepted || meets(prefix, &asked, &stored), "{prefix:?} {asked} {stored}");
            }
        }
    }
}
