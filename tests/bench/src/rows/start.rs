//! From starting the program to the sign-in screen, against an empty window.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Instant;

use acceptance::desktop::Desktop;
use testbed::find_program;

use crate::measure::{in_turn, millis};
use crate::row::{Budget, Figure, Row, RowError};
use crate::screen::{Picture, Screen};

/// A real window on a virtual display, seen in the display's own memory.
pub struct Start;

impl Row for Start {
    fn name(&self) -> &'static str {
        "start"
    }

    fn measure(&self, tell: &dyn Fn(&str)) -> Result<Vec<Figure>, RowError> {
        let (program, bare) = (find_program("rounds")?, find_program("bare-window")?);
        let desktop = Desktop::visible(None)?;
        let framebuffer = desktop
            .framebuffer()
            .ok_or_else(|| RowError::Missing("a display without a picture".into()))?;
        let screen = Screen::open(&framebuffer)?;
        let empty = screen.look()?;
        let stage = Stage {
            desktop: &desktop,
            screen: &screen,
            empty: &empty,
        };
        tell("looking at both windows");
        let ours = stage.picture(&program)?;
        let theirs = stage.picture(&bare)?;
        tell("starting them in turn");
        let (value, peer) = in_turn(
            |_| stage.start(&program, &ours),
            |_| stage.start(&bare, &theirs),
        )?;
        Ok(vec![Figure::new(
            self.name(),
            value,
            "ms",
            Some(peer),
            Budget::RatioAtMost(1.3),
        )])
    }
}

struct Stage<'a> {
    desktop: &'a Desktop,
    screen: &'a Screen,
    empty: &'a Picture,
}

impl Stage<'_> {
    /// What the window looks like once it stands still. The disk's cache is warm afterwards.
    fn picture(&self, program: &Path) -> Result<Picture, RowError> {
        let mut running = self.spawn(program)?;
        let picture = self.screen.settled();
        self.end(&mut running)?;
        let picture = picture?;
        if picture == *self.empty {
            let name = program.display();
            return Err(RowError::Missing(format!("{name} draws nothing")));
        }
        Ok(picture)
    }

    fn start(&self, program: &Path, drawn: &Picture) -> Result<f64, RowError> {
        let begun = Instant::now();
        let mut running = self.spawn(program)?;
        let took = self.screen.drawn(drawn, begun, &mut running);
        self.end(&mut running)?;
        Ok(millis(took?))
    }

    fn spawn(&self, program: &Path) -> Result<Child, RowError> {
        Ok(self
            .desktop
            .command(program)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?)
    }

    fn end(&self, running: &mut Child) -> Result<(), RowError> {
        running.kill()?;
        running.wait()?;
        self.screen.emptied(self.empty)
    }
}
