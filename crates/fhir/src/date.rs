//! Dates as FHIR writes them: as precise as they are, read as a closed-open range of moments.

use std::cmp::Ordering;

use jiff::civil::{Date, Time};
use jiff::tz::{Offset, TimeZone};
use jiff::{Span, Timestamp};
use serde_json::Value;

/// How precisely a date was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precision {
    /// `2024`
    Year,
    /// `2024-02`
    Month,
    /// `2024-02-29`
    Day,
    /// `2024-02-29T12:30` (in searches alone; records need seconds)
    Minute,
    /// `2024-02-29T12:30:00`
    Second,
    /// `2024-02-29T12:30:00.5`
    Fraction,
}

/// Why a text is not a date. It does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DateError {
    /// The text does not have the shape of a date.
    #[error(
        "a date is written YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with a zone (Z or +hh:mm)"
    )]
    Shape,
    /// The calendar has no such day.
    #[error("the calendar has no such date")]
    Calendar,
    /// A time without its zone.
    #[error("a time of day needs its zone (Z or +hh:mm)")]
    Zone,
}

/// What a text says, before a time zone makes moments of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The first day it may mean.
    pub date: Date,
    /// The time of day, where it has one.
    pub time: Option<Time>,
    /// The offset, where it has one.
    pub offset: Option<Offset>,
    /// How precise.
    pub precision: Precision,
}

/// The moments that a date may mean: from `lo`, up to but not including `hi`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DateRange {
    /// The first moment.
    pub lo: Timestamp,
    /// The first moment after it.
    pub hi: Timestamp,
}

/// How a search compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Prefix {
    /// The stored range lies in the asked one.
    #[default]
    Eq,
    /// It does not.
    Ne,
    /// The stored range reaches above.
    Gt,
    /// The stored range reaches below.
    Lt,
    /// Above or equal.
    Ge,
    /// Below or equal.
    Le,
    /// The stored range starts after the asked one ends.
    Sa,
    /// The stored range ends before the asked one starts.
    Eb,
    /// About: the ranges, each widened, overlap.
    Ap,
}

impl Prefix {
    /// Takes the prefix off a search value.
    #[must_use]
    pub fn split(text: &str) -> (Self, &str) {
        let prefix = match text.as_bytes() {
            [b'e', b'q', ..] => Self::Eq,
            [b'n', b'e', ..] => Self::Ne,
            [b'g', b't', ..] => Self::Gt,
            [b'l', b't', ..] => Self::Lt,
            [b'g', b'e', ..] => Self::Ge,
            [b'l', b'e', ..] => Self::Le,
            [b's', b'a', ..] => Self::Sa,
            [b'e', b'b', ..] => Self::Eb,
            [b'a', b'p', ..] => Self::Ap,
            _ => return (Self::Eq, text),
        };
        (prefix, &text[2..])
    }
}

/// Reads the digits of a fixed place.
fn number(bytes: &[u8]) -> Option<u16> {
    bytes.iter().try_fold(0u16, |sum, byte| {
        byte.is_ascii_digit()
            .then(|| sum * 10 + u16::from(byte - b'0'))
    })
}

fn narrow(bytes: &[u8]) -> Result<i8, DateError> {
    number(bytes)
        .and_then(|n| i8::try_from(n).ok())
        .ok_or(DateError::Shape)
}

impl Written {
    /// Reads a `date`, `dateTime` or `instant`, and the shorter times that searches allow.
    ///
    /// # Errors
    /// When it is not written as FHIR writes dates, or the calendar has no such day.
    pub fn parse(text: &str) -> Result<Self, DateError> {
        let bytes = text.as_bytes();
        let (day, rest) = match bytes.iter().position(|b| *b == b'T') {
            Some(at) => (&bytes[..at], Some(&bytes[at + 1..])),
            None => (bytes, None),
        };
        let (year, month, of_month, precision) = match day {
            [y @ .., b'-', m1, m2, b'-', d1, d2] => (
                y,
                narrow(&[*m1, *m2])?,
                narrow(&[*d1, *d2])?,
                Precision::Day,
            ),
            [y @ .., b'-', m1, m2] => (y, narrow(&[*m1, *m2])?, 1, Precision::Month),
            y => (y, 1, 1, Precision::Year),
        };
        let year = match year.len() {
            4 => number(year)
                .and_then(|n| i16::try_from(n).ok())
                .ok_or(DateError::Shape)?,
            _ => return Err(DateError::Shape),
        };
        if year == 0 {
            return Err(DateError::Calendar);
        }
        let date = Date::new(year, month, of_month).map_err(|_| DateError::Calendar)?;
        let Some(rest) = rest else {
            return Ok(Self {
                date,
                time: None,
                offset: None,
                precision,
            });
        };
        if precision != Precision::Day {
            return Err(DateError::Shape);
        }
        let (time, precision, zone) = read_time(rest)?;
        let offset = read_offset(zone)?;
        Ok(Self {
            date,
            time: Some(time),
            offset,
            precision,
        })
    }

    /// The moments it may mean. What has no offset of its own is read in `zone`.
    #[must_use]
    pub fn range(&self, zone: &TimeZone) -> DateRange {
        let fixed = self.offset.map(TimeZone::fixed);
        let zone = fixed.as_ref().unwrap_or(zone);
        let Some(time) = self.time else {
            let next = match self.precision {
                Precision::Year => Span::new().years(1),
                Precision::Month => Span::new().months(1),
                _ => Span::new().days(1),
            };
            return DateRange {
                lo: moment(self.date, Time::midnight(), zone),
                hi: self
                    .date
                    .checked_add(next)
                    .map_or(Timestamp::MAX, |end| moment(end, Time::midnight(), zone)),
            };
        };
        let lo = moment(self.date, time, zone);
        let width = match self.precision {
            Precision::Minute => Span::new().minutes(1),
            Precision::Second => Span::new().seconds(1),
            _ => Span::new().milliseconds(1),
        };
        DateRange {
            lo,
            hi: lo.checked_add(width).unwrap_or(Timestamp::MAX),
        }
    }
}

/// A wall time as a moment; a time that a clock change skips or repeats is read as most clocks do.
fn moment(date: Date, time: Time, zone: &TimeZone) -> Timestamp {
    zone.to_ambiguous_zoned(date.to_datetime(time))
        .compatible()
        .map_or_else(
            // Only years at the edge of what a timestamp holds come here.
            |_| {
                if date.year() > 0 {
                    Timestamp::MAX
                } else {
                    Timestamp::MIN
                }
            },
            |zoned| zoned.timestamp(),
        )
}

fn read_time(bytes: &[u8]) -> Result<(Time, Precision, &[u8]), DateError> {
    let [h1, h2, b':', m1, m2, rest @ ..] = bytes else {
        return Err(DateError::Shape);
    };
    let (hour, minute) = (narrow(&[*h1, *h2])?, narrow(&[*m1, *m2])?);
    let (second, fraction, precision, zone) = match rest {
        [b':', s1, s2, b'.', rest @ ..] => {
            let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            if digits == 0 {
                return Err(DateError::Shape);
            }
            let nanos = rest[..digits]
                .iter()
                .chain(std::iter::repeat(&b'0'))
                .take(9)
                .fold(0i32, |sum, digit| sum * 10 + i32::from(digit - b'0'));
            (
                narrow(&[*s1, *s2])?,
                nanos,
                Precision::Fraction,
                &rest[digits..],
            )
        }
        [b':', s1, s2, rest @ ..] => (narrow(&[*s1, *s2])?, 0, Precision::Second, rest),
        rest => (0, 0, Precision::Minute, rest),
    };
    // FHIR lets a leap second be written; clocks do not have it.
    let second = if second == 60 { 59 } else { second };
    let time = Time::new(hour, minute, second, fraction).map_err(|_| DateError::Calendar)?;
    Ok((time, precision, zone))
}

fn read_offset(bytes: &[u8]) -> Result<Option<Offset>, DateError> {
    match bytes {
        [] => Ok(None),
        [b'Z'] => Ok(Some(Offset::UTC)),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (narrow(&[*h1, *h2])?, narrow(&[*m1, *m2])?);
            if hours > 14 || minutes > 59 || (hours == 14 && minutes > 0) {
                return Err(DateError::Calendar);
            }
            let seconds = i32::from(hours) * 3600 + i32::from(minutes) * 60;
            let seconds = if *sign == b'-' { -seconds } else { seconds };
            Offset::from_seconds(seconds)
                .map(Some)
                .map_err(|_| DateError::Calendar)
        }
        _ => Err(DateError::Shape),
    }
}

/// Reads a FHIR `date`: year, month or day.
///
/// # Errors
/// When it is not one.
pub fn date(text: &str) -> Result<Written, DateError> {
    let written = Written::parse(text)?;
    if written.time.is_some() {
        Err(DateError::Shape)
    } else {
        Ok(written)
    }
}

/// Reads a FHIR `dateTime`: a date, or a time to the second or finer with its zone.
///
/// # Errors
/// When it is not one.
pub fn date_time(text: &str) -> Result<Written, DateError> {
    let written = Written::parse(text)?;
    match (written.precision, written.time, written.offset) {
        (Precision::Minute, ..) => Err(DateError::Shape),
        (_, Some(_), None) => Err(DateError::Zone),
        _ => Ok(written),
    }
}

/// Reads a FHIR `instant`: to the second or finer, with its zone.
///
/// # Errors
/// When it is not one.
pub fn instant(text: &str) -> Result<Timestamp, DateError> {
    let written = date_time(text)?;
    match written.time {
        Some(_) => Ok(written.range(&TimeZone::UTC).lo),
        None => Err(DateError::Shape),
    }
}

/// Whether this is a FHIR `time` (`13:30:00`).
#[must_use]
pub fn is_time(text: &str) -> bool {
    matches!(read_time(text.as_bytes()), Ok((_, precision, [])) if precision >= Precision::Second)
}

impl DateRange {
    /// Reads a date, dateTime or instant; one without a zone is read in `zone`.
    ///
    /// # Errors
    /// When it is not a date.
    pub fn parse(text: &str, zone: &TimeZone) -> Result<Self, DateError> {
        Written::parse(text).map(|written| written.range(zone))
    }

    /// The range of a `Period` (open ends reach to the end of time), of a `Timing` (from its first
    /// event to its last), or of a date as text.
    #[must_use]
    pub fn of(value: &Value, zone: &TimeZone) -> Option<Self> {
        let read = |value: &Value| Self::parse(value.as_str()?, zone).ok();
        if let Value::Object(map) = value {
            if let Some(Value::Array(events)) = map.get("event") {
                return events.iter().filter_map(read).reduce(|a, b| Self {
                    lo: a.lo.min(b.lo),
                    hi: a.hi.max(b.hi),
                });
            }
            if let Some(bounds) = map.get("repeat").and_then(|r| r.get("boundsPeriod")) {
                return Self::of(bounds, zone);
            }
            let (start, end) = (
                map.get("start").and_then(read),
                map.get("end").and_then(read),
            );
            if start.is_none() && end.is_none() {
                return None;
            }
            return Some(Self {
                lo: start.map_or(Timestamp::MIN, |start| start.lo),
                hi: end.map_or(Timestamp::MAX, |end| end.hi),
            });
        }
        read(value)
    }

    /// Whether this stored range satisfies a search that asks `prefix` `asked`.
    #[must_use]
    pub fn satisfies(&self, prefix: Prefix, asked: &Self) -> bool {
        let within = asked.lo <= self.lo && self.hi <= asked.hi;
        match prefix {
            Prefix::Eq => within,
            Prefix::Ne => !within,
            Prefix::Gt => self.hi > asked.hi,
            Prefix::Lt => self.lo < asked.lo,
            Prefix::Ge => self.hi > asked.hi || within,
            Prefix::Le => self.lo < asked.lo || within,
            Prefix::Sa => self.lo >= asked.hi,
            Prefix::Eb => self.hi <= asked.lo,
            Prefix::Ap => {
                let wide = asked.widened();
                self.lo < wide.hi && wide.lo < self.hi
            }
        }
    }

    /// The range, a day wider at both ends: what "about" means for dates here.
    fn widened(&self) -> Self {
        let day = jiff::SignedDuration::from_hours(24);
        Self {
            lo: self.lo.checked_sub(day).unwrap_or(Timestamp::MIN),
            hi: self.hi.checked_add(day).unwrap_or(Timestamp::MAX),
        }
    }

    /// Orders by start, then by end.
    #[must_use]
    pub fn order(&self, other: &Self) -> Ordering {
        self.lo.cmp(&other.lo).then(self.hi.cmp(&other.hi))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn range(text: &str) -> (String, String) {
        let range = DateRange::parse(text, &TimeZone::UTC).unwrap();
        (range.lo.to_string(), range.hi.to_string())
    }

    #[test]
    fn a_date_is_as_wide_as_it_is_vague() {
        for (text, lo, hi) in [
            ("2024", "2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z"),
            ("2024-02", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"),
            ("2024-02-29", "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z"),
            (
                "2024-02-29T10:30",
                "2024-02-29T10:30:00Z",
                "2024-02-29T10:31:00Z",
            ),
            (
                "2024-02-29T10:30:15+02:00",
                "2024-02-29T08:30:15Z",
                "2024-02-29T08:30:16Z",
            ),
            (
                "2024-02-29T10:30:15.250-05:00",
                "2024-02-29T15:30:15.25Z",
                "2024-02-29T15:30:15.251Z",
            ),
        ] {
            assert_eq!(range(text), (lo.to_owned(), hi.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_day_is_the_clinics_day() {
        let zone = TimeZone::fixed(Offset::from_hours(-5).unwrap());
        let day = DateRange::parse("2024-03-05", &zone).unwrap();
        let late = DateRange::parse("2024-03-05T23:30:00-05:00", &TimeZone::UTC).unwrap();
        assert!(late.satisfies(Prefix::Eq, &day));
        let utc = DateRange::parse("2024-03-05", &TimeZone::UTC).unwrap();
        assert!(!late.satisfies(Prefix::Eq, &utc));
    }

    #[test]
    fn refuses_what_is_no_date() {
        for (text, error) in [
            ("2023-02-30", DateError::Calendar),
            ("2023-02-29", DateError::Calendar),
            ("2023-13", DateError::Calendar),
            ("0000", DateError::Calendar),
            ("2024-01-01T25:00:00Z", DateError::Calendar),
            ("2024-01-01T10:00:00+15:00", DateError::Calendar),
            ("", DateError::Shape),
            ("24", DateError::Shape),
            ("2024-1-1", DateError::Shape),
            ("2024/01/01", DateError::Shape),
            ("2024-01T10:00:00Z", DateError::Shape),
            ("2024-01-01T", DateError::Shape),
            ("2024-01-01T10", DateError::Shape),
            ("2024-01-01T10:00:00.Z", DateError::Shape),
            ("2024-01-01T10:00:00z", DateError::Shape),
            ("２０２４", DateError::Shape),
            ("-2024", DateError::Shape),
        ] {
            assert_eq!(Written::parse(text), Err(error), "{text}");
        }
        assert_eq!(date_time("2024-01-01T10:00:00"), Err(DateError::Zone));
        assert_eq!(date_time("2024-01-01T10:00Z"), Err(DateError::Shape));
        assert_eq!(date("2024-01-01T10:00:00Z"), Err(DateError::Shape));
        assert_eq!(instant("2024-01-01"), Err(DateError::Shape));
        assert!(instant("2016-12-31T23:59:60Z").is_ok());
        assert!(is_time("13:30:00") && is_time("13:30:00.5"));
        assert!(!is_time("13:30") && !is_time("24:00:00") && !is_time("13:30:00Z"));
        assert!(date("9999-12-31").is_ok());
        DateRange::parse("9999", &TimeZone::UTC).unwrap();
        DateRange::parse("0001", &TimeZone::fixed(Offset::from_hours(12).unwrap())).unwrap();
    }

    #[test]
    fn periods_are_open_where_they_do_not_say() {
        let zone = TimeZone::UTC;
        let open = DateRange::of(&json!({"start": "2024-01-01"}), &zone).unwrap();
        assert_eq!(open.hi, Timestamp::MAX);
        assert_eq!(DateRange::of(&json!({}), &zone), None);
        let timing = json!({"event": ["2024-02-01", "2024-01-01"]});
        let timing = DateRange::of(&timing, &zone).unwrap();
        assert_eq!(timing.lo.to_string(), "2024-01-01T00:00:00Z");
        assert_eq!(timing.hi.to_string(), "2024-02-02T00:00:00Z");
    }

    #[test]
    fn prefixes() {
        let zone = TimeZone::UTC;
        let asked = DateRange::parse("2024-01", &zone).unwrap();
        let holds = |stored: &str, prefix: &str| {
            let stored = DateRange::parse(stored, &zone).unwrap();
            stored.satisfies(Prefix::split(prefix).0, &asked)
        };
        assert!(holds("2024-01-10", "eq") && !holds("2024", "eq") && holds("2024", "ne"));
        assert!(holds("2024-02-01", "gt") && !holds("2024-01-31", "gt"));
        assert!(holds("2024-01-31", "ge") && !holds("2023-12-31", "ge"));
        assert!(
            holds("2023-12-31", "lt") && !holds("2024-01-01", "lt") && holds("2024-01-01", "le")
        );
        assert!(holds("2024-02-01", "sa") && !holds("2024-01-31", "sa"));
        assert!(holds("2023-12-31", "eb") && !holds("2024-01-01", "eb"));
        assert!(holds("2024-02-01", "ap") && !holds("2024-02-03", "ap"));
        assert_eq!(Prefix::split("ge2024"), (Prefix::Ge, "2024"));
        assert_eq!(Prefix::split("2024"), (Prefix::Eq, "2024"));
        assert_eq!(Prefix::split(""), (Prefix::Eq, ""));
    }
}
