//! The program's window under WebDriver: what a person can see, click and type.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use fantoccini::elements::Element;
use fantoccini::key::Key;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use crate::TourError;
use crate::desktop::{Desktop, end};

/// Longest wait for something to appear; generous, because a busy machine is not a fault.
const PATIENCE: Duration = Duration::from_secs(20);

/// Keeps what goes wrong in the page, so that a failure can tell it.
const LISTEN: &str = "window.brokenBy = []; \
    const keep = (what) => window.brokenBy.push(String(what && what.stack || what).slice(0, 800)); \
    window.addEventListener('error', (event) => keep(event.error || event.message)); \
    window.addEventListener('unhandledrejection', (event) => keep(event.reason));";

/// One running window. Screenshots are numbered in the order they are taken.
pub struct Window {
    client: Client,
    driver: Child,
    binary: PathBuf,
    step: String,
}

impl Window {
    /// Starts `binary` in `desktop` with additional environment and waits for its first page.
    pub async fn open(
        desktop: &Desktop,
        binary: &Path,
        environment: &[(&str, String)],
    ) -> Result<Self, TourError> {
        let port = free_port()?;
        let mut command = desktop.command("WebKitWebDriver");
        command
            .arg(format!("--port={port}"))
            .env("TAURI_WEBVIEW_AUTOMATION", "true")
            .stdout(Stdio::null())
            .stderr(Stdio::inherit());
        for (name, value) in environment {
            command.env(name, value);
        }
        let driver = command.spawn()?;
        let mut window = match connect(port, binary).await {
            Ok(client) => Self {
                client,
                driver,
                binary: binary.to_path_buf(),
                step: String::new(),
            },
            Err(error) => {
                let mut driver = driver;
                end(&mut driver);
                return Err(error);
            }
        };
        window.step = "open".into();
        window.client.execute(LISTEN, vec![]).await?;
        Ok(window)
    }

    /// Names the step that following failures belong to.
    pub fn begin(&mut self, step: &str) {
        self.step = step.to_owned();
    }

    /// The step under way.
    pub fn step(&self) -> &str {
        &self.step
    }

    /// Process id of the program.
    pub fn pid(&self) -> Result<i32, TourError> {
        let target = std::fs::canonicalize(&self.binary)?;
        for entry in std::fs::read_dir("/proc")? {
            let entry = entry?;
            let Some(pid) = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse::<i32>().ok())
            else {
                continue;
            };
            let is_ours = std::fs::read_link(entry.path().join("exe"))
                .is_ok_and(|exe| exe == target)
                && descends_from(pid, self.driver.id() as i32);
            if is_ours {
                return Ok(pid);
            }
        }
        Err(self.broken("the program is not running"))
    }

    /// The program and every process that it started, with their names.
    pub fn processes(&self) -> Result<Vec<(u32, String)>, TourError> {
        let program = self.pid()?;
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc")? {
            let entry = entry?;
            let Some(pid) = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse::<i32>().ok())
            else {
                continue;
            };
            if descends_from(pid, program)
                && let Ok(name) = std::fs::read_to_string(entry.path().join("comm"))
            {
                found.push((pid.unsigned_abs(), name.trim().to_owned()));
            }
        }
        Ok(found)
    }

    /// Kills the program with SIGKILL, as a power cut would, and ends the driver.
    pub async fn kill(mut self) -> Result<(), TourError> {
        let pid = self.pid()?;
        nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(pid),
            nix::sys::signal::Signal::SIGKILL,
        )
        .map_err(|error| std::io::Error::from_raw_os_error(error as i32))?;
        end(&mut self.driver);
        Ok(())
    }

    /// Closes the window as its user would, and waits until the program has ended: one that still
    /// ends would be handed the window that is opened next.
    pub async fn close(mut self) -> Result<(), TourError> {
        let program = self.pid();
        let _ = self.client.clone().close().await;
        let mut ended = Ok(());
        if let Ok(program) = program {
            let deadline = Instant::now() + PATIENCE;
            while Path::new(&format!("/proc/{program}/exe")).exists() {
                if Instant::now() > deadline {
                    let what = "the window was closed, and the program goes on";
                    ended = Err(self.broken(what));
                    break;
                }
                tokio::time::sleep(Duration::from_millis(40)).await;
            }
        }
        end(&mut self.driver);
        ended
    }

    /// Waits until an element that fits the CSS selector is displayed.
    pub async fn find(&self, selector: &str) -> Result<Element, TourError> {
        self.wait_for(selector, PATIENCE).await
    }

    /// Like [`Window::find`], with a wait of its own: first syncs take longer than clicks.
    pub async fn wait_for(&self, selector: &str, patience: Duration) -> Result<Element, TourError> {
        let deadline = Instant::now() + patience;
        let script = "return Array.from(document.querySelectorAll(arguments[0])).findIndex(e => e.getClientRects().length > 0 && getComputedStyle(e).visibility === 'visible')";
        loop {
            let visible = self.client.execute(script, vec![json!(selector)]).await?;
            if let Some(index) = visible.as_u64()
                // What is redrawn between the two questions is asked for again.
                && let Ok(elements) = self.client.find_all(Locator::Css(selector)).await
                && let Some(element) = elements.into_iter().nth(index as usize)
            {
                return Ok(element);
            }
            if Instant::now() > deadline {
                return Err(self.not_seen(selector, patience).await);
            }
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    }

    /// How many elements fit now.
    pub async fn count(&self, selector: &str) -> Result<usize, TourError> {
        let script = "return document.querySelectorAll(arguments[0]).length";
        let count = self.client.execute(script, vec![json!(selector)]).await?;
        Ok(count.as_u64().unwrap_or_default() as usize)
    }

    /// Waits until no element fits.
    pub async fn gone(&self, selector: &str) -> Result<(), TourError> {
        let deadline = Instant::now() + PATIENCE;
        while self.client.find(Locator::Css(selector)).await.is_ok() {
            if Instant::now() > deadline {
                return Err(self.not_seen(&format!("{selector} to go"), PATIENCE).await);
            }
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
        Ok(())
    }

    /// Waits until `text` is visible inside the element.
    pub async fn see(&self, selector: &str, text: &str) -> Result<(), TourError> {
        self.see_within(selector, text, PATIENCE).await
    }

    /// Like [`Window::see`], with a wait of its own.
    pub async fn see_within(
        &self,
        selector: &str,
        text: &str,
        patience: Duration,
    ) -> Result<(), TourError> {
        let deadline = Instant::now() + patience;
        loop {
            if self.text(selector).await?.contains(text) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(self
                    .not_seen(&format!("{text:?} in {selector}"), patience)
                    .await);
            }
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    }

    /// Visible text of every element that fits, joined.
    pub async fn text(&self, selector: &str) -> Result<String, TourError> {
        let script = "return Array.from(document.querySelectorAll(arguments[0])).map(e => e.innerText).join('\\n')";
        let value = self.client.execute(script, vec![json!(selector)]).await?;
        Ok(value.as_str().unwrap_or_default().to_owned())
    }

    /// Clicks the element.
    pub async fn click(&self, selector: &str) -> Result<(), TourError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // The element may be redrawn between being found and being clicked; a person would
            // simply click again.
            match self.find(selector).await?.click().await {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() > deadline => return Err(error.into()),
                Err(_) => tokio::time::sleep(Duration::from_millis(60)).await,
            }
        }
    }

    /// Clicks the first element with the selector whose visible text contains `text`.
    pub async fn click_text(&self, selector: &str, text: &str) -> Result<(), TourError> {
        let deadline = Instant::now() + PATIENCE;
        let script = "return Array.from(document.querySelectorAll(arguments[0])).findIndex(e => e.innerText.includes(arguments[1]))";
        loop {
            let found = self
                .client
                .execute(script, vec![json!(selector), json!(text)])
                .await?;
            let mut refused = None;
            if let Some(index) = found.as_u64() {
                let elements = self.client.find_all(Locator::Css(selector)).await;
                if let Some(element) = elements
                    .ok()
                    .and_then(|all| all.into_iter().nth(index as usize))
                {
                    match element.click().await {
                        Ok(()) => return Ok(()),
                        Err(error) => refused = Some(error),
                    }
                }
            }
            if Instant::now() > deadline {
                return Err(match refused {
                    Some(error) => error.into(),
                    None => {
                        self.not_seen(&format!("{text:?} in a {selector}"), PATIENCE)
                            .await
                    }
                });
            }
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    }

    /// Types into a field, after what is there.
    pub async fn type_into(&self, selector: &str, text: &str) -> Result<(), TourError> {
        self.focus(selector).await?.send_keys(text).await?;
        Ok(())
    }

    /// Clicks the element and hands over what has the focus then.
    async fn focus(&self, selector: &str) -> Result<Element, TourError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.click(selector).await?;
            match self.client.active_element().await {
                // It was drawn anew between the two: a person would click again.
                Err(error) if error.is_stale_element_reference() && Instant::now() < deadline => {}
                focused => return Ok(focused?),
            }
        }
    }

    /// Chooses from a list by what the choice stands for.
    pub async fn choose(&self, selector: &str, value: &str) -> Result<(), TourError> {
        self.find(selector).await?.select_by_value(value).await?;
        Ok(())
    }

    /// Waits until fewer than `before` elements fit.
    pub async fn fewer(&self, selector: &str, before: usize) -> Result<(), TourError> {
        let deadline = Instant::now() + PATIENCE;
        while self.count(selector).await? >= before {
            if Instant::now() > deadline {
                let what = format!("fewer than {before} {selector}");
                return Err(self.not_seen(&what, PATIENCE).await);
            }
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
        Ok(())
    }

    /// Replaces a field's text.
    pub async fn fill(&self, selector: &str, text: &str) -> Result<(), TourError> {
        let field = self.focus(selector).await?;
        let select_all = format!("{}a{}", char::from(Key::Control), char::from(Key::Null));
        field.send_keys(&select_all).await?;
        field.send_keys(text).await?;
        Ok(())
    }

    /// Presses a key in the focused element.
    pub async fn press(&self, key: Key) -> Result<(), TourError> {
        self.client
            .active_element()
            .await?
            .send_keys(&char::from(key).to_string())
            .await?;
        Ok(())
    }

    /// Drags with the pointer, through real pointer events.
    pub async fn drag(&self, from: (i64, i64), to: (i64, i64)) -> Result<(), TourError> {
        use fantoccini::actions::{InputSource, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
        let mut actions = MouseActions::new("pointer".into())
            .then(move_to(from))
            .then(PointerAction::Down {
                button: MOUSE_BUTTON_LEFT,
            });
        // Calendars tell a drag from a click by movement, so the pointer passes through.
        for part in 1..=8 {
            actions = actions.then(move_to((
                from.0 + (to.0 - from.0) * part / 8,
                from.1 + (to.1 - from.1) * part / 8,
            )));
        }
        let actions = actions.then(PointerAction::Up {
            button: MOUSE_BUTTON_LEFT,
        });
        self.client.perform_actions(actions).await?;
        Ok(())
    }

    /// Centre of an element in the viewport, in CSS pixels.
    pub async fn centre(&self, selector: &str) -> Result<(i64, i64), TourError> {
        self.find(selector).await?;
        let script = "const r = document.querySelector(arguments[0]).getBoundingClientRect(); return [r.x + r.width / 2, r.y + Math.min(r.height / 2, 12)]";
        let value = self.client.execute(script, vec![json!(selector)]).await?;
        let at = |index: usize| value.get(index).and_then(Value::as_f64).unwrap_or_default() as i64;
        Ok((at(0), at(1)))
    }

    /// Runs a script in the page; for questions that only the page can answer.
    pub async fn ask(&self, script: &str, arguments: Vec<Value>) -> Result<Value, TourError> {
        Ok(self.client.execute(script, arguments).await?)
    }

    /// Keeps a picture of the window, after what was asked for has been painted.
    pub async fn screenshot(&self, path: &Path) -> Result<(), TourError> {
        let painted = "const done = arguments[arguments.length - 1]; requestAnimationFrame(() => requestAnimationFrame(() => done(true)))";
        self.client.execute_async(painted, vec![]).await?;
        tokio::time::sleep(Duration::from_millis(150)).await;
        std::fs::write(path, self.client.screenshot().await?)?;
        Ok(())
    }

    /// An error of the step under way.
    pub fn broken(&self, what: impl Into<String>) -> TourError {
        TourError::Broken {
            step: self.step.clone(),
            what: what.into(),
        }
    }

    async fn not_seen(&self, what: &str, patience: Duration) -> TourError {
        let mut screen = self.text("body").await.unwrap_or_default();
        if let Ok(broken) = self
            .client
            .execute("return window.brokenBy || []", vec![])
            .await
            && broken.as_array().is_some_and(|list| !list.is_empty())
        {
            screen = format!("{broken}; {screen}");
        }
        TourError::NotSeen {
            step: self.step.clone(),
            what: what.to_owned(),
            seconds: patience.as_secs(),
            screen: screen.chars().take(2400).collect(),
        }
    }
}

fn move_to((x, y): (i64, i64)) -> fantoccini::actions::PointerAction {
    fantoccini::actions::PointerAction::MoveTo {
        duration: Some(Duration::from_millis(30)),
        x: x as f64,
        y: y as f64,
    }
}

async fn connect(port: u16, binary: &Path) -> Result<Client, TourError> {
    let mut capabilities = serde_json::Map::new();
    capabilities.insert("browserName".into(), json!("wry"));
    capabilities.insert(
        "webkitgtk:browserOptions".into(),
        json!({ "binary": binary, "args": [] }),
    );
    let deadline = Instant::now() + Duration::from_secs(15);
    loop {
        let attempt = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities.clone())
            .connect(&format!("http://127.0.0.1:{port}"))
            .await;
        match attempt {
            Ok(client) => return Ok(client),
            Err(error) if Instant::now() > deadline => return Err(error.into()),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

fn free_port() -> std::io::Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?
        .local_addr()?
        .port())
}

fn descends_from(pid: i32, ancestor: i32) -> bool {
    let mut current = pid;
    for _ in 0..16 {
        if current == ancestor {
            return true;
        }
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{current}/stat")) else {
            return false;
        };
        // The program's name is in brackets and may hold anything; the parent follows the last one.
        let Some(parent) = stat
            .rsplit(')')
            .next()
            .and_then(|rest| rest.split_whitespace().nth(1))
            .and_then(|text| text.parse().ok())
        else {
            return false;
        };
        current = parent;
    }
    false
}
