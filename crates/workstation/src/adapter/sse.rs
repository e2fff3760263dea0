//! Server-sent events, as far as the stream of changes needs them: names without data.

/// Longest line that is kept; a longer one is no event of ours.
const MAX_LINE: usize = 8 * 1024;

/// Bytes as they arrive, cut into events.
#[derive(Debug, Default)]
pub struct Lines {
    line: Vec<u8>,
    name: Option<String>,
    ready: Vec<String>,
    has_data: bool,
}

impl Lines {
    /// Takes bytes in.
    pub fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' => self.end_line(),
                b'\r' => {}
                _ if self.line.len() < MAX_LINE => self.line.push(*byte),
                _ => {}
            }
        }
    }

    /// Whether an event with this name has come; several that wait count as one.
    pub fn take_event(&mut self, name: &str) -> bool {
        let came = self.ready.iter().any(|ready| ready == name);
        self.ready.clear();
        came
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&self.line).into_owned();
        self.line.clear();
        if line.is_empty() {
            let name = self.name.take();
            if self.has_data || name.is_some() {
                self.ready
                    .push(name.unwrap_or_else(|| "message".to_owned()));
            }
            self.has_data = false;
        } else if let Some(name) = line.strip_prefix("event:") {
            self.name = Some(name.trim().to_owned());
        } else if line.starts_with("data") {
            self.has_data = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_cut_anywhere_are_found() {
        let text = ": hello\n\nevent: changed\r\ndata: {}\r\n\r\n: beat\n\n";
        for cut in 0..text.len() {
            let mut lines = Lines::default();
            lines.push(&text.as_bytes()[..cut]);
            let early = lines.take_event("changed");
            lines.push(&text.as_bytes()[cut..]);
            assert!(early ^ lines.take_event("changed"), "cut at {cut}");
        }
    }

    #[test]
    fn comments_and_other_names_are_no_change() {
        let mut lines = Lines::default();
        lines.push(b": ping\n\nevent: other\ndata: 1\n\n");
        assert!(!lines.take_event("changed"));
    }
}
