//! Rows for people and for machines.

use std::fmt::Write as _;

use crate::row::Figure;

/// The rows as JSON.
pub fn json(rows: &[Figure]) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(&serde_json::json!({ "rows": rows }))
}

/// One row as a line.
pub fn line(row: &Figure) -> String {
    let mut line = format!("{:24} {:>12} {}", row.name, number(row.value), row.unit);
    if let (Some(peer), Some(ratio)) = (row.peer, row.ratio) {
        let _ = write!(line, ", peer {} ({:.2})", number(peer), ratio);
    }
    let verdict = if row.within_budget {
        "holds"
    } else {
        "DOES NOT HOLD"
    };
    let _ = write!(
        line,
        ", budget {}: {verdict}, load {:.1}",
        row.budget, row.load
    );
    line
}

/// The section of the page in `docs`.
pub fn table(rows: &[Figure], broken: &[(&str, String)], machine: &str) -> String {
    let mut page = format!(
        "Written by `cargo xtask bench`. Each row was measured against its peer in one run, in\n\
         turn, median of five (p95 where the row says so). Machine: {machine}.\n\n\
         | row | ours | peer | ratio | budget | holds | load |\n\
         |---|---:|---:|---:|---|---|---:|\n"
    );
    for row in rows {
        let peer = row.peer.map_or_else(
            || "–".to_owned(),
            |peer| format!("{} {}", number(peer), row.unit),
        );
        let ratio = row
            .ratio
            .map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}"));
        let holds = if row.within_budget { "yes" } else { "**no**" };
        let _ = writeln!(
            page,
            "| {} | {} {} | {peer} | {ratio} | {} | {holds} | {:.1} |",
            row.name,
            number(row.value),
            row.unit,
            row.budget,
            row.load
        );
    }
    for (name, why) in broken {
        let _ = writeln!(
            page,
            "| {name} | not measured: {why} | – | – | – | **no** | – |"
        );
    }
    let noted: Vec<_> = rows
        .iter()
        .filter_map(|row| Some((&row.name, row.note.as_ref()?)))
        .collect();
    if !noted.is_empty() {
        page.push('\n');
    }
    for (name, note) in noted {
        let _ = writeln!(page, "- {name}: {note}");
    }
    page
}

/// Three figures that matter.
fn number(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Budget;

    #[test]
    fn rows_say_whether_they_hold() {
        let good = Figure::new("a", 60.0, "1/s", Some(100.0), Budget::RatioAtLeast(0.5));
        let bad = Figure::new("b", 170.0, "ms", Some(100.0), Budget::RatioAtMost(1.6));
        let absolute = Figure::new("c", 31.0, "ms", None, Budget::AtMost(30.0));
        assert!(good.within_budget && !bad.within_budget && !absolute.within_budget);
        let noted = absolute.noting("in the rain");
        let broken = [("d", "no display".to_owned())];
        let page = table(&[good.clone(), bad, noted], &broken, "a machine");
        assert!(page.ends_with("\n- c: in the rain\n"));
        assert!(page.contains("| d | not measured: no display |"));
        assert_eq!(page.matches("**no**").count(), 3);
        let json: serde_json::Value = serde_json::from_str(&json(&[good]).unwrap()).unwrap();
        assert_eq!(json["rows"][0]["ratio"], 0.6);
        assert_eq!(json["rows"][0]["within_budget"], true);
    }
}
