//! What a virtual display shows, seen from outside: the time at which a window is drawn.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use crate::row::RowError;

/// Only every so many lines are compared: looking must not slow down what is looked at.
const EVERY: usize = 6;
/// How often is looked.
const GLANCE: Duration = Duration::from_millis(3);
/// A window is drawn when this part of its content is as it will stay; the rest is left to a
/// caret that blinks.
const DRAWN: f64 = 0.97;
/// By then every window stands still.
const SETTLED: Duration = Duration::from_secs(8);

/// The framebuffer of a display (an X window dump that changes).
pub struct Screen {
    file: File,
    start: u64,
    line: usize,
    height: usize,
}

/// A picture of some lines.
#[derive(PartialEq, Eq, Clone)]
pub struct Picture(Vec<u32>);

impl Screen {
    /// Opens the framebuffer that `Xvfb -fbdir` writes.
    pub fn open(path: &Path) -> Result<Self, RowError> {
        let file = File::open(path)?;
        let mut head = [0; 80];
        file.read_exact_at(&mut head, 0)?;
        let field = |at: usize| {
            let bytes = head[at * 4..at * 4 + 4].try_into().unwrap_or_default();
            u32::from_be_bytes(bytes)
        };
        let (size, height, bits, line, colours) =
            (field(0), field(5), field(11), field(12), field(19));
        if bits != 32 {
            return Err(RowError::Missing(format!("a display of {bits} bits")));
        }
        Ok(Self {
            file,
            start: u64::from(size) + u64::from(colours) * 12,
            line: line as usize,
            height: height as usize,
        })
    }

    /// What it shows now.
    pub fn look(&self) -> Result<Picture, RowError> {
        let mut pixels = Vec::new();
        let mut bytes = vec![0; self.line];
        for y in (0..self.height).step_by(EVERY) {
            let at = self.start + (y * self.line) as u64;
            self.file.read_exact_at(&mut bytes, at)?;
            pixels.extend(bytes.chunks_exact(4).map(|pixel| {
                // The fourth byte means nothing.
                u32::from_le_bytes([pixel[0], pixel[1], pixel[2], 0])
            }));
        }
        Ok(Picture(pixels))
    }

    /// What stays on the display after `program` has started.
    pub fn settled(&self) -> Result<Picture, RowError> {
        std::thread::sleep(SETTLED);
        self.look()
    }

    /// Waits until the display shows `expected`, and tells how long after `begun` it did.
    pub fn drawn(
        &self,
        expected: &Picture,
        begun: Instant,
        program: &mut Child,
    ) -> Result<Duration, RowError> {
        let content = expected.content();
        loop {
            let seen = begun.elapsed();
            if self.look()?.has(expected, &content) {
                return Ok(seen);
            }
            if seen > SETTLED * 4 {
                return Err(RowError::Missing("the window was not drawn".into()));
            }
            if let Some(status) = program.try_wait()? {
                return Err(RowError::Missing(format!("the window's program: {status}")));
            }
            std::thread::sleep(GLANCE);
        }
    }

    /// Waits until nothing is on the display.
    pub fn emptied(&self, empty: &Picture) -> Result<(), RowError> {
        let begun = Instant::now();
        while self.look()? != *empty {
            if begun.elapsed() > SETTLED {
                return Err(RowError::Missing("a window did not go away".into()));
            }
            std::thread::sleep(GLANCE);
        }
        Ok(())
    }
}

impl Picture {
    /// The pixels that tell this picture from a plain window: all that differ from its commonest
    /// colour, or all of that colour if there is hardly anything else.
    fn content(&self) -> Vec<usize> {
        let mut counts = std::collections::HashMap::new();
        for pixel in &self.0 {
            *counts.entry(*pixel).or_insert(0usize) += 1;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let root = self.0.last().copied().unwrap_or_default();
        let common = counts
            .iter()
            .find(|(pixel, _)| *pixel != root)
            .map_or(root, |(pixel, _)| *pixel);
        let places = |wanted: &dyn Fn(u32) -> bool| -> Vec<usize> {
            let all = self.0.iter().enumerate();
            all.filter(|(_, pixel)| wanted(**pixel))
                .map(|(place, _)| place)
                .collect()
        };
        let inside = places(&|pixel| pixel != root && pixel != common);
        if inside.len() * 1_000 > self.0.len() {
            inside
        } else {
            places(&|pixel| pixel == common)
        }
    }

    fn has(&self, expected: &Self, content: &[usize]) -> bool {
        let same = content
            .iter()
            .filter(|place| self.0.get(**place) == expected.0.get(**place))
            .count();
        !content.is_empty() && same as f64 >= content.len() as f64 * DRAWN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_window_is_not_a_drawn_one() {
        let (black, white, ink) = (0, 0xff_ffff, 0x20_2020);
        let mut drawn = vec![white; 900];
        drawn[100..140].fill(ink);
        drawn.extend([black; 100]);
        let drawn = Picture(drawn);
        let mut plain = vec![white; 900];
        plain.extend([black; 100]);
        let content = drawn.content();
        assert_eq!(content, (100..140).collect::<Vec<_>>());
        assert!(!Picture(plain.clone()).has(&drawn, &content));
        assert!(drawn.has(&drawn, &content));
        // A window of one colour is drawn when the colour is there.
        let plain = Picture(plain);
        let content = plain.content();
        assert_eq!(content.len(), 900);
        assert!(!Picture(vec![black; 1000]).has(&plain, &content));
    }
}
