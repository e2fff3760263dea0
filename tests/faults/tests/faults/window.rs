//! What can be read in the memory of the real window and of its web engine's processes.
//!
//! What is searched for comes from the server and never through the driver: what a driver types or
//! asks for is in the memory of the window because the driver put it there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use acceptance::TourError;
use acceptance::desktop::Desktop;
use acceptance::window::Window;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use testbed::UserRecord;
use testbed::memory::{Canary, search};
use workstation::profile::Places;

use crate::clinic::{Clinic, code};

/// Longer than anything takes on a machine that is busy with other work as well.
const PATIENCE: Duration = Duration::from_secs(120);

/// The program, if it was built beside ours.
fn program() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_BIN_EXE_faults-desk")).parent()?;
    Some(folder.join("rounds")).filter(|program| program.exists())
}

/// The cache key, opened by whoever has all that opens it.
fn cache_key(desktop: &Desktop, user: &UserRecord) -> [u8; 32] {
    let places = Places {
        profiles: desktop.home().join("data/rounds/profiles"),
        config: desktop.home().join("config/rounds"),
    };
    let (profile, slots) = places.existing().remove(0);
    let mut lookup: Command = desktop.command("secret-tool");
    lookup.args(["lookup", "service", "rounds", "username"]);
    lookup.arg(profile.secret_account());
    let output = lookup.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let digits = String::from_utf8(output.stdout).unwrap();
    let secret: Vec<u8> = (0..64)
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect();
    let secret = secret.try_into().unwrap();
    *slots
        .open_daily(&profile, &secret, &user.password)
        .unwrap()
        .expose()
}

struct Clinician<'a> {
    window: Window,
    user: &'a UserRecord,
}

impl Clinician<'_> {
    async fn enrol(&self) -> Result<(), TourError> {
        let code = code(self.user);
        let window = &self.window;
        window
            .wait_for("[data-testid=sign-in-submit]", PATIENCE)
            .await?;
        window
            .fill("[data-testid=sign-in-username]", &self.user.username)
            .await?;
        window
            .fill("[data-testid=sign-in-password]", &self.user.password)
            .await?;
        window.fill("[data-testid=sign-in-code]", &code).await?;
        window.click("[data-testid=sign-in-submit]").await?;
        window
            .wait_for("[data-testid=screen-today]", PATIENCE)
            .await?;
        window
            .wait_for("[data-testid=status-up-to-date]", PATIENCE)
            .await?;
        Ok(())
    }

    /// Looks at the list, the chart with its notes, and the note itself.
    async fn look_around(&self) -> Result<(), TourError> {
        let window = &self.window;
        window.click("[data-testid=rail-patients]").await?;
        window.click("[data-testid=patient-row]").await?;
        window
            .wait_for("[data-testid=chart-name]", PATIENCE)
            .await?;
        window.click("[data-testid=chart-tab-notes]").await?;
        window.click("[data-testid=note-list] li button").await?;
        window.wait_for("[data-testid=note-read]", PATIENCE).await?;
        Ok(())
    }

    /// The process that draws the page, if there is one now.
    fn web_process(&self) -> Option<u32> {
        let all = self.window.processes().unwrap();
        let draws = |(_, name): &&(u32, String)| name.starts_with("WebKitWebProces");
        all.iter().find(draws).map(|(process, _)| *process)
    }

    /// Locks. The driver loses its window then; what is left is looked at from outside.
    async fn lock(&self) -> Result<(), TourError> {
        let drew = self.web_process();
        assert!(drew.is_some(), "{:?}", self.window.processes());
        self.window.click("[data-testid=lock]").await?;
        let end = Instant::now() + PATIENCE;
        while self.web_process().is_none() || self.web_process() == drew {
            assert!(Instant::now() < end, "{:?}", self.window.processes());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Every place in the window's processes where one of them is.
    fn memory(&self, canaries: &[Canary]) -> Vec<String> {
        let mut found = Vec::new();
        for (process, name) in self.window.processes().unwrap() {
            match search(process, canaries) {
                Ok(places) => {
                    found.extend(places.into_iter().map(|place| format!("{name}: {place}")));
                }
                // It ended meanwhile, and its memory with it.
                Err(_) if !Path::new(&format!("/proc/{process}/maps")).exists() => {}
                Err(error) => panic!("{name}: {error}"),
            }
        }
        found
    }
}

fn name(halves: [&str; 2]) -> String {
    halves.concat()
}

#[test]
fn w4_the_locked_window_and_its_web_engine_hold_no_key_and_no_patient() {
    let Some(program) = program() else {
        println!("skipped: the desktop program is not built here");
        return;
    };
    let desktop = match Desktop::start(None) {
        Ok(desktop) => desktop,
        Err(reason) => {
            println!("skipped: this machine has no desktop for tests: {reason}");
            return;
        }
    };
    let (family, given) = (name(["Quill", "feather"]), name(["Zephy", "rina"]));
    let written = name(["wheeze clears after ", "salbutamol"]);
    let mut clinic = Clinic::start([(&family, &given), ("Zimmer", "Ben")]);
    assert!(clinic.put(&json!({
        "resourceType": "DocumentReference", "id": "n1", "status": "current",
        "docStatus": "final",
        "type": {"coding": [{"system": "http://loinc.org", "code": "11506-3"}]},
        "subject": {"reference": "Patient/p1"}, "date": "2026-01-05T10:00:00Z",
        "author": [{"reference": "Practitioner/dr1"}],
        "content": [{"attachment": {"contentType": "text/plain",
            "data": STANDARD.encode(&written)}}],
    })));
    let user = clinic.add_user("ada");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let outcome = runtime.block_on(async {
        let environment = [
            ("ROUNDS_SERVER", clinic.platform.base_url()),
            ("ROUNDS_CA", clinic.platform.ca().display().to_string()),
            ("ROUNDS_ENDS_WEB_PROCESS", "1".to_owned()),
        ];
        let window = Window::open(&desktop, &program, &environment).await?;
        let clinician = Clinician {
            window,
            user: &user,
        };
        clinician.enrol().await?;
        clinician.look_around().await?;
        let key = cache_key(&desktop, &user);
        let mut canaries = vec![Canary {
            what: "the cache key",
            bytes: key.to_vec(),
        }];
        let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        canaries.extend(Canary::text("the cache key in digits", &hex));
        canaries.extend(Canary::text("a family name", &family));
        canaries.extend(Canary::text("a given name", &given));
        canaries.extend(Canary::text("a signed note", &written));
        // The search works: an open window is full of them.
        let open = clinician.memory(&canaries);
        for what in ["a family name", "a signed note"] {
            assert!(
                open.iter().any(|one| one.contains(what)),
                "{what}: {open:?}"
            );
        }
        clinician.lock().await?;
        let locked = clinician.memory(&canaries);
        assert!(
            locked.is_empty(),
            "{} places when open, {} when locked:\n{}",
            open.len(),
            locked.len(),
            locked.join("\n")
        );
        println!("{} places when open, none when locked", open.len());
        clinician.window.kill().await
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
