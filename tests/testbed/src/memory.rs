//! Looking for text in the memory of a running process, as somebody who dumps it would.

use std::fs::File;
use std::os::unix::fs::FileExt;

/// Bytes that must not be found.
#[derive(Debug, Clone)]
pub struct Canary {
    /// What they are, for whoever reads of a find.
    pub what: &'static str,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Canary {
    /// A text, as programs may hold it: in UTF-8, and in UTF-16 of both byte orders.
    #[must_use]
    pub fn text(what: &'static str, text: &str) -> Vec<Self> {
        let wide = |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect();
        [
            text.as_bytes().to_vec(),
            wide(u16::to_le_bytes),
            wide(u16::to_be_bytes),
        ]
        .into_iter()
        .map(|bytes| Self { what, bytes })
        .collect()
    }
}

/// Each place in the memory of a process where one of these is, with its surroundings.
///
/// # Errors
/// When the process is gone, or belongs to somebody else.
pub fn search(process: u32, canaries: &[Canary]) -> std::io::Result<Vec<String>> {
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps"))?;
    let memory = File::open(format!("/proc/{process}/mem"))?;
    let pages = File::open(format!("/proc/{process}/pagemap"))?;
    let mut found = Vec::new();
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (Some(range), Some(rights)) = (words.next(), words.next()) else {
            continue;
        };
        let Some((from, to)) = bounds(range) else {
            continue;
        };
        if !rights.starts_with('r') || line.contains("[vvar") || line.contains("[vsyscall") {
            continue;
        }
        let part = words.nth(3).unwrap_or("anonymous memory");
        for (from, to) in held(&pages, from, to)? {
            let bytes = read(&memory, from, to);
            for canary in canaries {
                for place in memchr::memmem::find_iter(&bytes, &canary.bytes) {
                    let around = &bytes[place.saturating_sub(48)..(place + 80).min(bytes.len())];
                    found.push(format!(
                        "{} in {part} {range}, {place:#x}: {:?}",
                        canary.what,
                        String::from_utf8_lossy(around)
                    ));
                }
            }
        }
    }
    Ok(found)
}

const PAGE: u64 = 4096;

/// The parts of a range that hold anything, in memory or swapped out. Engines of JavaScript
/// reserve more addresses than any machine has memory, and use few of them.
fn held(pages: &File, from: u64, to: u64) -> std::io::Result<Vec<(u64, u64)>> {
    /// Facts of a page, and how many are read at once.
    const FACTS: u64 = 8;
    const AT_ONCE: u64 = 1 << 20;
    /// In memory, or swapped out.
    const HELD: u64 = 0b11 << 62;
    let mut parts: Vec<(u64, u64)> = Vec::new();
    let mut at = from;
    while at < to {
        let count = ((to - at) / PAGE).min(AT_ONCE);
        let mut facts = vec![0; usize::try_from(count * FACTS).unwrap_or(0)];
        pages.read_exact_at(&mut facts, at / PAGE * FACTS)?;
        for (page, fact) in (at..).step_by(PAGE as usize).zip(facts.as_chunks().0) {
            if u64::from_ne_bytes(*fact) & HELD == 0 {
                continue;
            }
            match parts.last_mut() {
                Some((_, end)) if *end == page => *end = page + PAGE,
                _ => parts.push((page, page + PAGE)),
            }
        }
        at += count.max(1) * PAGE;
    }
    Ok(parts)
}

fn bounds(range: &str) -> Option<(u64, u64)> {
    let (from, to) = range.split_once('-')?;
    let number = |digits| u64::from_str_radix(digits, 16).ok();
    Some((number(from)?, number(to)?))
}

fn read(memory: &File, from: u64, to: u64) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(to - from).unwrap_or(0)];
    if memory.read_exact_at(&mut bytes, from).is_err() {
        for (page, at) in bytes
            .chunks_mut(PAGE as usize)
            .zip((from..).step_by(PAGE as usize))
        {
            // A page beyond the end of its file cannot be read, and holds nothing.
            let _ = memory.read_exact_at(page, at);
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_another_process_is_searched_in_every_encoding() {
        let name = ["Quill", "feather"].concat();
        let wide: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut command = std::process::Command::new("sleep");
        // Its environment is in its memory.
        command.arg("60").env("PLAIN", &name);
        let mut child = command.spawn().unwrap();
        let canaries = Canary::text("a name", &name);
        assert_eq!(canaries[1].bytes, wide);
        // Until it has become `sleep`, its memory is a copy of ours.
        let program = format!("/proc/{}/exe", child.id());
        while !std::fs::read_link(&program).unwrap().ends_with("sleep") {
            std::thread::yield_now();
        }
        let found = search(child.id(), &canaries).unwrap();
        let absent = Canary::text("nobody", &["Zephy", "rina"].concat());
        let nothing = search(child.id(), &absent).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(
            found.iter().any(|place| place.contains("[stack]")),
            "{found:?}"
        );
        assert_eq!(nothing, Vec::<String>::new());
    }
}
