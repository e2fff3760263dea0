//! What counts as normal where the record itself does not say: ranges for adults, as common
//! laboratories and textbooks print them. A range is used only where the unit fits.

/// Bounds, each of which may be open.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// Lower bound.
    pub low: Option<f64>,
    /// Upper bound.
    pub high: Option<f64>,
}

/// LOINC, accepted units, low, high. NaN is an open bound.
const RANGES: &[(&str, &[&str], f64, f64)] = &[
    // Vital signs.
    ("8480-6", MM_HG, 90.0, 130.0),
    ("8462-4", MM_HG, 60.0, 80.0),
    ("8867-4", PER_MINUTE, 60.0, 100.0),
    ("9279-1", PER_MINUTE, 12.0, 20.0),
    ("8310-5", &["Cel", "°C"], 36.1, 37.8),
    ("59408-5", PERCENT, 94.0, OPEN),
    ("2708-6", PERCENT, 94.0, OPEN),
    ("39156-5", &["kg/m2"], 18.5, 25.0),
    // Laboratory.
    ("4548-4", PERCENT, 4.0, 5.6),
    ("2339-0", MG_DL, 70.0, 140.0),
    ("2345-7", MG_DL, 70.0, 140.0),
    ("1558-6", MG_DL, 70.0, 99.0),
    ("2093-3", MG_DL, OPEN, 200.0),
    ("18262-6", MG_DL, OPEN, 130.0),
    ("13457-7", MG_DL, OPEN, 130.0),
    ("2085-9", MG_DL, 40.0, OPEN),
    ("2571-8", MG_DL, OPEN, 150.0),
    ("2160-0", MG_DL, 0.6, 1.3),
    ("38483-4", MG_DL, 0.6, 1.3),
    (
        "33914-3",
        &["mL/min/{1.73_m2}", "mL/min", "mL/min/{1.73m2}"],
        60.0,
        OPEN,
    ),
    ("3094-0", MG_DL, 7.0, 20.0),
    ("6299-2", MG_DL, 7.0, 20.0),
    ("2947-0", MMOL_L, 135.0, 145.0),
    ("2951-2", MMOL_L, 135.0, 145.0),
    ("2823-3", MMOL_L, 3.5, 5.1),
    ("6298-4", MMOL_L, 3.5, 5.1),
    ("2069-3", MMOL_L, 98.0, 107.0),
    ("2075-0", MMOL_L, 98.0, 107.0),
    ("20565-8", MMOL_L, 22.0, 29.0),
    ("2028-9", MMOL_L, 22.0, 29.0),
    ("49765-1", MG_DL, 8.5, 10.5),
    ("17861-6", MG_DL, 8.5, 10.5),
    ("718-7", &["g/dL"], 12.0, 17.5),
    ("4544-3", PERCENT, 36.0, 51.0),
    ("6690-2", &["10*3/uL"], 4.0, 11.0),
    ("777-3", &["10*3/uL"], 150.0, 400.0),
    ("787-2", &["fL"], 80.0, 100.0),
    ("1742-6", &["U/L"], OPEN, 45.0),
    ("1920-8", &["U/L"], OPEN, 40.0),
    ("6768-6", &["U/L"], 40.0, 130.0),
    ("1975-2", MG_DL, OPEN, 1.2),
    ("1751-7", &["g/dL"], 3.5, 5.0),
    ("2885-2", &["g/dL"], 6.0, 8.3),
    ("3016-3", &["m[IU]/L", "mIU/L", "u[IU]/mL"], 0.4, 4.5),
    ("14959-1", &["mg/g", "ug/mg"], OPEN, 30.0),
];

const OPEN: f64 = f64::NAN;
const MM_HG: &[&str] = &["mm[Hg]", "mmHg"];
const PER_MINUTE: &[&str] = &["/min", "{beats}/min", "{breaths}/min"];
const PERCENT: &[&str] = &["%"];
const MG_DL: &[&str] = &["mg/dL"];
const MMOL_L: &[&str] = &["mmol/L", "meq/L", "mEq/L"];

/// The adult range of a LOINC code, if it is known in this unit.
#[must_use]
pub fn adult(code: &str, unit: &str) -> Option<Range> {
    RANGES
        .iter()
        .find(|(known, units, ..)| *known == code && units.contains(&unit))
        .map(|(_, _, low, high)| Range {
            low: (!low.is_nan()).then_some(*low),
            high: (!high.is_nan()).then_some(*high),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_another_unit_is_no_range() {
        assert!(adult("2345-7", "mg/dL").is_some());
        assert!(adult("2345-7", "mmol/L").is_none());
    }

    #[test]
    fn every_range_is_a_range() {
        for (code, units, low, high) in RANGES {
            assert!(!units.is_empty(), "{code}");
            assert!(!(low.is_nan() && high.is_nan()), "{code}");
            assert!(low.is_nan() || high.is_nan() || low < high, "{code}");
        }
    }
}
