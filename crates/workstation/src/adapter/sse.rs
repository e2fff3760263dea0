//! Server-sent events, as far as our two streams need them: names without data for changes, one
//! line of data for each word about a visit.

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

/// Longest line of data that is kept: a session description fits.
const MAX_DATA: usize = 128 * 1024;

/// The data of events with one name.
#[derive(Debug)]
pub struct Words {
    name: &'static str,
    line: Vec<u8>,
    ours: bool,
    data: Option<String>,
    ready: std::collections::VecDeque<String>,
}

impl Words {
    /// Hears events of this name.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            line: Vec::new(),
            ours: false,
            data: None,
            ready: std::collections::VecDeque::new(),
        }
    }

    /// Takes bytes in.
    pub fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' => self.end_line(),
                b'\r' => {}
                _ if self.line.len() < MAX_DATA => self.line.push(*byte),
                _ => {}
            }
        }
    }

    /// The data of the next event.
    pub fn pop(&mut self) -> Option<String> {
        self.ready.pop_front()
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
        if line.is_empty() {
            let data = self.data.take();
            if std::mem::take(&mut self.ours) {
                self.ready.extend(data);
            }
        } else if let Some(name) = line.strip_prefix("event:") {
            self.ours = name.trim() == self.name;
        } else if let Some(data) = line.strip_prefix("data:") {
            self.data = Some(data.trim_start().to_owned());
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
    fn words_cut_anywhere_come_whole_and_in_order() {
        let text = "event: visit\ndata: {\"a\":1}\n\n: beat\n\nevent: changed\ndata: no\n\n\
                    event: visit\r\ndata: {\"a\":2}\r\n\r\n";
        for cut in 0..text.len() {
            let mut words = Words::new("visit");
            words.push(&text.as_bytes()[..cut]);
            words.push(&text.as_bytes()[cut..]);
            assert_eq!(words.pop().as_deref(), Some("{\"a\":1}"));
            assert_eq!(words.pop().as_deref(), Some("{\"a\":2}"));
            assert_eq!(words.pop(), None);
        }
    }

    #[test]
    fn comments_and_other_names_are_no_change() {
        let mut lines = Lines::default();
        lines.push(b": ping\n\nevent: other\ndata: 1\n\n");
        assert!(!lines.take_event("changed"));
    }
}
