//! The browser that the desktop opens pages with.

use std::process::{Command, Stdio};

use url::Url;

use crate::port::browser::{Browser, NoBrowser};

/// The adapter.
#[derive(Debug, Default)]
pub struct SystemBrowser;

#[cfg(target_os = "linux")]
const OPENER: (&str, &[&str]) = ("xdg-open", &[]);
#[cfg(target_os = "macos")]
const OPENER: (&str, &[&str]) = ("open", &[]);
// `start` is a word of the shell, which would read the address; this is not.
#[cfg(target_os = "windows")]
const OPENER: (&str, &[&str]) = ("rundll32", &["url.dll,FileProtocolHandler"]);

impl Browser for SystemBrowser {
    fn open(&self, page: &Url) -> Result<(), NoBrowser> {
        if page.scheme() != "https" {
            let what = "a page that is not over TLS";
            return Err(NoBrowser(std::io::Error::other(what)));
        }
        let (program, arguments) = OPENER;
        let mut child = Command::new(program)
            .args(arguments)
            .arg(page.as_str())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(NoBrowser)?;
        // It may be the browser itself and live for hours; somebody must hear of its end.
        std::thread::spawn(move || child.wait());
        Ok(())
    }
}
