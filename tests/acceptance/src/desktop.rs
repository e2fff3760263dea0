//! A desktop nobody sits at: X display, session bus and an unlocked keychain, in a home of its own.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::TourError;

/// Ends with the value: every process it started is killed, the home is removed unless kept.
pub struct Desktop {
    home: PathBuf,
    display: String,
    bus: String,
    children: Vec<Child>,
    keyring: Option<Child>,
    framebuffer: Option<PathBuf>,
    _temporary: Option<tempfile::TempDir>,
}

/// Text the keychain is unlocked with at log-in.
const LOGIN_PASSWORD: &str = "virtual-desktop";

/// A session bus that starts no program when its name is called: a keychain that was stopped
/// stays stopped.
const BUS: &str = r#"<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

impl Desktop {
    /// Starts a desktop whose home is `home`, or a temporary folder.
    pub fn start(home: Option<&Path>) -> Result<Self, TourError> {
        let mut desktop = Self::without_session(home)?;
        desktop.start_session()?;
        Ok(desktop)
    }

    /// The same with a display whose picture lies in a file, for whoever looks from outside.
    pub fn visible(home: Option<&Path>) -> Result<Self, TourError> {
        let mut desktop = Self::without_session(home)?;
        desktop.framebuffer = Some(desktop.home.join("run/Xvfb_screen0"));
        desktop.start_session()?;
        Ok(desktop)
    }

    fn start_session(&mut self) -> Result<(), TourError> {
        self.start_display()?;
        self.start_bus()?;
        self.start_keychain()
    }

    fn without_session(home: Option<&Path>) -> Result<Self, TourError> {
        let temporary = match home {
            Some(_) => None,
            None => Some(
                tempfile::Builder::new()
                    .prefix("rounds-desktop-")
                    .tempdir()?,
            ),
        };
        let home = match (home, &temporary) {
            (Some(home), _) => home.to_path_buf(),
            (None, Some(dir)) => dir.path().to_path_buf(),
            (None, None) => return Err(std::io::Error::other("no home").into()),
        };
        for folder in ["config", "data", "cache", "state", "run"] {
            std::fs::create_dir_all(home.join(folder))?;
        }
        // dbus and the keychain refuse a runtime folder that others can read.
        std::fs::set_permissions(
            home.join("run"),
            std::os::unix::fs::PermissionsExt::from_mode(0o700),
        )?;
        Ok(Self {
            home,
            display: String::new(),
            bus: String::new(),
            children: Vec::new(),
            keyring: None,
            framebuffer: None,
            _temporary: temporary,
        })
    }

    /// The file that holds the display's picture (an X window dump), if it is visible.
    pub fn framebuffer(&self) -> Option<PathBuf> {
        self.framebuffer.clone()
    }

    /// The home folder.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// A command that runs in this desktop's session and dies with this process.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(program);
        command
            .env("HOME", &self.home)
            .env("XDG_CONFIG_HOME", self.home.join("config"))
            .env("XDG_DATA_HOME", self.home.join("data"))
            .env("XDG_CACHE_HOME", self.home.join("cache"))
            .env("XDG_STATE_HOME", self.home.join("state"))
            .env("XDG_RUNTIME_DIR", self.home.join("run"))
            .env("DISPLAY", &self.display)
            .env("DBUS_SESSION_BUS_ADDRESS", &self.bus)
            .env("GDK_BACKEND", "x11")
            .env("NO_AT_BRIDGE", "1")
            .env("GTK_USE_PORTAL", "0")
            .env("LANG", "C.UTF-8")
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("WEBKIT_DISABLE_DMABUF_RENDERER")
            .env_remove("WEBKIT_DISABLE_COMPOSITING_MODE");
        command
    }

    /// Ends the keychain, as when its service crashes.
    pub fn stop_keychain(&mut self) {
        if let Some(mut keyring) = self.keyring.take() {
            end(&mut keyring);
        }
    }

    /// Starts the keychain, unlocked, with what it held before.
    pub fn start_keychain(&mut self) -> Result<(), TourError> {
        let mut keyring = self
            .command("gnome-keyring-daemon")
            .args(["--foreground", "--unlock", "--components=secrets"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        if let Some(mut stdin) = keyring.stdin.take() {
            stdin.write_all(LOGIN_PASSWORD.as_bytes())?;
        }
        self.keyring = Some(keyring);
        self.wait_for_name("org.freedesktop.secrets")
    }

    fn start_display(&mut self) -> Result<(), TourError> {
        let mut command = Command::new("setpriv");
        if let Some(folder) = self.framebuffer.as_deref().and_then(Path::parent) {
            command.args(["--pdeathsig", "KILL", "--", "Xvfb", "-fbdir"]);
            command.arg(folder);
        } else {
            command.args(["--pdeathsig", "KILL", "--", "Xvfb"]);
        }
        let mut server = command
            .args([
                "-displayfd",
                "1",
                "-screen",
                "0",
                "1440x960x24",
                "-nolisten",
                "tcp",
                // A display starts anew when its last window goes; ours waits for the next one.
                "-noreset",
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let number = first_line(&mut server, "Xvfb")?;
        self.display = format!(":{number}");
        self.children.push(server);
        Ok(())
    }

    fn start_bus(&mut self) -> Result<(), TourError> {
        let file = self.home.join("run/bus.conf");
        std::fs::write(&file, BUS)?;
        let mut bus = self
            .command("dbus-daemon")
            .arg("--config-file")
            .arg(&file)
            .args(["--nofork", "--nopidfile", "--print-address=1"])
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        self.bus = first_line(&mut bus, "dbus-daemon")?;
        self.children.push(bus);
        Ok(())
    }

    fn wait_for_name(&self, name: &'static str) -> Result<(), TourError> {
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            let answer = self
                .command("dbus-send")
                .args([
                    "--session",
                    "--print-reply",
                    "--dest=org.freedesktop.DBus",
                    "/org/freedesktop/DBus",
                    "org.freedesktop.DBus.NameHasOwner",
                ])
                .arg(format!("string:{name}"))
                .output()?;
            if String::from_utf8_lossy(&answer.stdout).contains("boolean true") {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(TourError::Start {
            program: "gnome-keyring-daemon",
            reason: "no Secret Service".into(),
        })
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        self.stop_keychain();
        for child in self.children.iter_mut().rev() {
            end(child);
        }
    }
}

/// Kills and reaps; a process that is gone already is what was wanted.
pub(crate) fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

fn first_line(child: &mut Child, program: &'static str) -> Result<String, TourError> {
    let mut line = String::new();
    if let Some(stdout) = child.stdout.as_mut() {
        BufReader::new(stdout).read_line(&mut line)?;
    }
    let line = line.trim().to_owned();
    if line.is_empty() {
        return Err(TourError::Start {
            program,
            reason: "it said nothing".into(),
        });
    }
    Ok(line)
}
