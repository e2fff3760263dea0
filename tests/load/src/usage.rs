//! What processes take of the machine, as the kernel counts it.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

/// Ticks in a second, in which Linux tells processor time to programs, whatever its own clock.
const TICKS: u64 = 100;

/// A process and its descendants.
#[must_use]
pub fn family(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(id) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        if let Some(parent) = stat(id).and_then(|fields| fields.get(1)?.parse().ok()) {
            children.entry(parent).or_default().push(id);
        }
    }
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&id) = found.get(next) {
        found.extend(children.remove(&id).unwrap_or_default());
        next += 1;
    }
    found
}

/// Processor time that these processes have used, their ended children included.
#[must_use]
pub fn processor(ids: &[u32]) -> Duration {
    let ticks: u64 = ids
        .iter()
        .filter_map(|id| stat(*id))
        .map(|fields| {
            // utime, stime, cutime, cstime: fields 14 to 17, counted from the state as 3.
            (11..15)
                .filter_map(|at| fields.get(at)?.parse::<u64>().ok())
                .sum::<u64>()
        })
        .sum();
    Duration::from_millis(ticks * 1000 / TICKS)
}

/// Resident memory of a process, bytes; none when it is gone.
#[must_use]
pub fn resident(id: u32) -> Option<u64> {
    kilobytes(&format!("/proc/{id}/status"), "VmRSS:")
}

/// Proportional share of memory of a process, bytes: what it has alone and its part of what it
/// shares. None when it is gone.
#[must_use]
pub fn proportional(id: u32) -> Option<u64> {
    kilobytes(&format!("/proc/{id}/smaps_rollup"), "Pss:")
}

/// What a process calls itself.
#[must_use]
pub fn name(id: u32) -> String {
    fs::read_to_string(format!("/proc/{id}/comm"))
        .map_or_else(|_| String::new(), |s| s.trim().to_owned())
}

fn kilobytes(path: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    let number: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(number * 1024)
}

/// The fields of `/proc/ID/stat` after the name, which may hold anything but a last bracket.
fn stat(id: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_its_own_use() {
        let own = std::process::id();
        let begun = std::time::Instant::now();
        while begun.elapsed() < Duration::from_millis(60) {
            std::hint::black_box(begun.elapsed());
        }
        assert!(processor(&[own]) >= Duration::from_millis(10));
        assert!(resident(own).unwrap() > 1 << 20);
        assert!(proportional(own).unwrap() <= resident(own).unwrap() * 2);
        let mut child = std::process::Command::new("sleep")
            .arg("5")
            .spawn()
            .unwrap();
        assert!(family(own).contains(&child.id()));
        assert_eq!(name(child.id()), "sleep");
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(resident(child.id()), None);
    }
}
