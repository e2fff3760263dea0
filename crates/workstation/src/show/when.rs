//! Times as the clinic's wall shows them.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// A moment, RFC 3339 with the clinic's offset, to the second.
#[must_use]
pub fn moment(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone())
        .strftime("%Y-%m-%dT%H:%M:%S%:z")
        .to_string()
}

/// A FHIR date or dateTime: one with a time in the clinic's zone, one without as it is written.
#[must_use]
pub fn written(text: &str, zone: &TimeZone) -> String {
    match text.parse::<Timestamp>() {
        Ok(at) => moment(at, zone),
        Err(_) => text.to_owned(),
    }
}

/// The day of a FHIR date or dateTime in the clinic's zone; as precise as it is written.
#[must_use]
pub fn day(text: &str, zone: &TimeZone) -> String {
    match text.parse::<Timestamp>() {
        Ok(at) => date(at, zone).to_string(),
        Err(_) => text.chars().take(10).collect(),
    }
}

/// The clinic's date at a moment.
#[must_use]
pub fn date(at: Timestamp, zone: &TimeZone) -> Date {
    at.to_zoned(zone.clone()).date()
}

/// When the clinic's day begins.
#[must_use]
pub fn midnight(date: Date, zone: &TimeZone) -> Option<Timestamp> {
    date.to_zoned(zone.clone())
        .ok()
        .and_then(|day| day.start_of_day().ok())
        .map(|day: Zoned| day.timestamp())
}

/// A moment to order by: a date counts as its first moment.
#[must_use]
pub fn sortable(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    let full = match text.len() {
        4 => format!("{text}-01-01"),
        7 => format!("{text}-01"),
        _ => text.to_owned(),
    };
    midnight(full.parse().ok()?, zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone() -> TimeZone {
        TimeZone::get("America/New_York").unwrap()
    }

    #[test]
    fn times_are_the_clinics() {
        assert_eq!(
            written("2026-07-01T02:00:00Z", &zone()),
            "2026-06-30T22:00:00-04:00"
        );
        assert_eq!(day("2026-07-01T02:00:00Z", &zone()), "2026-06-30");
        assert_eq!(day("2026-07", &zone()), "2026-07");
        assert_eq!(written("2026", &zone()), "2026");
    }

    #[test]
    fn dates_of_any_precision_can_be_ordered() {
        let of = |text| sortable(text, &zone());
        assert!(of("2026") < of("2026-01-02"));
        assert!(of("2026-03") < of("2026-03-01T12:00:00-05:00"));
        assert_eq!(of("soon"), None);
    }

    #[test]
    fn a_day_with_a_change_of_clocks_still_begins() {
        let day: Date = "2026-03-08".parse().unwrap();
        assert_eq!(
            moment(midnight(day, &zone()).unwrap(), &zone()),
            "2026-03-08T00:00:00-05:00"
        );
    }
}
