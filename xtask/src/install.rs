//! What a fresh Debian or Ubuntu lacks, and how it gets it.

use std::path::Path;
use std::process::{Command, Stdio};

use nix::unistd::Uid;

use crate::failure::Failure;
use crate::step;

/// How to see that something is there, however it was installed.
enum Probe {
    Program(&'static str),
    /// A library with its headers.
    Library(&'static str),
    /// PostgreSQL's programs lie outside the search path on Debian.
    Postgres,
    /// The library by which bindings to the system's headers are made.
    Libclang,
    /// A font that can write this language.
    Font(&'static str),
}

struct Need {
    package: &'static str,
    what_for: &'static str,
    probe: Probe,
}

const fn need(package: &'static str, what_for: &'static str, probe: Probe) -> Need {
    Need {
        package,
        what_for,
        probe,
    }
}

/// To build the programs and run the platform.
const PLATFORM: &[Need] = &[
    need(
        "build-essential",
        "C compiler for the libraries in C",
        Probe::Program("cc"),
    ),
    need(
        "cmake",
        "builds the TLS library's C parts",
        Probe::Program("cmake"),
    ),
    need(
        "pkg-config",
        "finds libraries",
        Probe::Program("pkg-config"),
    ),
    need(
        "libssl-dev",
        "SQLCipher's ciphers",
        Probe::Library("openssl"),
    ),
    need("postgresql", "the platform's database", Probe::Postgres),
    need(
        "libasound2-dev",
        "microphones and loudspeakers",
        Probe::Library("alsa"),
    ),
    need(
        "libclang-dev",
        "reads what the system says of cameras",
        Probe::Libclang,
    ),
    need(
        "nasm",
        "the fast parts of the video codec",
        Probe::Program("nasm"),
    ),
    need(
        "chromium",
        "stands in for a patient in the tests of video visits",
        Probe::Program("chromium"),
    ),
    need(
        "coturn",
        "stands in for a relay in the tests of video visits",
        Probe::Program("turnserver"),
    ),
];

/// To build the window.
const WINDOW: &[Need] = &[
    need(
        "libwebkit2gtk-4.1-dev",
        "the window",
        Probe::Library("webkit2gtk-4.1"),
    ),
    need("libgtk-3-dev", "the window", Probe::Library("gtk+-3.0")),
    need(
        "librsvg2-dev",
        "the window's icons",
        Probe::Library("librsvg-2.0"),
    ),
    need("fontconfig", "fonts", Probe::Program("fc-list")),
    need(
        "fonts-noto-core",
        "names in Arabic and Devanagari",
        Probe::Font("hi"),
    ),
    need("fonts-wqy-microhei", "names in Han", Probe::Font("zh")),
];

/// To open the window where there is no display, and to drive it.
const VIRTUAL: &[Need] = &[
    need("xvfb", "a virtual display", Probe::Program("Xvfb")),
    need("xauth", "a virtual display", Probe::Program("xauth")),
    need(
        "webkit2gtk-driver",
        "drives the window in the tour",
        Probe::Program("WebKitWebDriver"),
    ),
    need(
        "gnome-keyring",
        "a keychain for the tour",
        Probe::Program("gnome-keyring-daemon"),
    ),
    need(
        "libsecret-tools",
        "asks the keychain in the tests",
        Probe::Program("secret-tool"),
    ),
    need(
        "dbus",
        "the keychain's bus",
        Probe::Program("dbus-run-session"),
    ),
    need(
        "chromium-driver",
        "drives the patient's browser in the tour",
        Probe::Program("chromedriver"),
    ),
];

/// What a task needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    Platform,
    Desktop,
    Tour,
}

/// Installs what is missing, saying what and why.
pub(crate) fn missing(purpose: For) -> Result<(), Failure> {
    node()?;
    let mut needs: Vec<&Need> = PLATFORM.iter().collect();
    if purpose != For::Platform {
        needs.extend(WINDOW);
    }
    if purpose == For::Tour {
        needs.extend(VIRTUAL);
    }
    let lacking: Vec<&Need> = needs
        .into_iter()
        .filter(|need| !there(&need.probe))
        .collect();
    if lacking.is_empty() {
        return Ok(());
    }
    step::say("Missing on this machine");
    for need in &lacking {
        eprintln!("   {:24} {}", need.package, need.what_for);
    }
    if !program("apt-get") {
        return Err(Failure::Plain(
            "this is not Debian or Ubuntu: install the equivalents of these packages, then try again"
                .to_owned(),
        ));
    }
    step::asking(
        "Asking for the list of packages (apt-get update)",
        apt(&["update", "-q"])?,
    )?;
    if lacking.iter().any(|need| need.package == "postgresql")
        && !Path::new("/etc/postgresql-common").exists()
    {
        no_system_cluster()?;
    }
    let mut arguments = vec!["install", "-y", "-q", "--no-install-recommends"];
    arguments.extend(lacking.iter().map(|need| need.package));
    step::asking("Installing them (apt-get install)", apt(&arguments)?)?;
    match lacking.iter().find(|need| !there(&need.probe)) {
        None => Ok(()),
        Some(need) => Err(Failure::Plain(format!(
            "{} is installed, yet what it is for is still not found",
            need.package
        ))),
    }
}

/// Debian starts a database for the whole machine when PostgreSQL is installed. Rounds runs
/// its own, so none is made.
fn no_system_cluster() -> Result<(), Failure> {
    let script = "mkdir -p /etc/postgresql-common/createcluster.d && \
                  echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.d/rounds.conf";
    let mut command = privileged("sh")?;
    command.args(["-c", script]);
    step::asking(
        "Keeping PostgreSQL from starting a database of its own",
        command,
    )
}

fn apt(arguments: &[&str]) -> Result<Command, Failure> {
    let mut command = privileged("env")?;
    command
        .args(["DEBIAN_FRONTEND=noninteractive", "apt-get"])
        .args(arguments);
    Ok(command)
}

/// A command as root: by itself if we are, by sudo otherwise.
fn privileged(name: &str) -> Result<Command, Failure> {
    if Uid::effective().is_root() {
        return Ok(Command::new(name));
    }
    if !program("sudo") {
        return Err(Failure::Plain(
            "there is no sudo: install the packages above as root, then try again".to_owned(),
        ));
    }
    let mut command = Command::new("sudo");
    command.arg(name);
    Ok(command)
}

fn node() -> Result<(), Failure> {
    let wanted = 20;
    let printed = Command::new("node").arg("--version").output();
    let version = printed.ok().and_then(|printed| {
        let text = String::from_utf8_lossy(&printed.stdout).into_owned();
        text.trim()
            .trim_start_matches('v')
            .split('.')
            .next()?
            .parse::<u32>()
            .ok()
    });
    match version {
        Some(version) if version >= wanted && program("npm") => Ok(()),
        Some(version) if version < wanted => Err(Failure::Plain(format!(
            "Node {version} is too old: Rounds' interface is built with Node {wanted} or later"
        ))),
        _ => Err(Failure::Plain(format!(
            "Node is missing: install Node {wanted} or later with npm, then try again"
        ))),
    }
}

fn there(probe: &Probe) -> bool {
    match probe {
        Probe::Program(name) => program(name),
        Probe::Library(name) => says_yes(Command::new("pkg-config").args(["--exists", name])),
        Probe::Postgres => program("initdb") || postgres_on_debian(),
        Probe::Libclang => libclang_on_debian(),
        Probe::Font(language) => Command::new("fc-list")
            .arg(format!(":lang={language}"))
            .output()
            .is_ok_and(|listed| !listed.stdout.is_empty()),
    }
}

fn postgres_on_debian() -> bool {
    let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") else {
        return false;
    };
    versions
        .filter_map(Result::ok)
        .any(|version| version.path().join("bin/initdb").is_file())
}

fn libclang_on_debian() -> bool {
    let Ok(folders) = std::fs::read_dir("/usr/lib") else {
        return false;
    };
    folders
        .filter_map(Result::ok)
        .any(|folder| folder.path().join("lib/libclang.so").exists())
}

/// Whether a program is in the search path, or where only root looks.
pub(crate) fn program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(Into::into))
        .any(|folder| folder.join(name).is_file())
}

fn says_yes(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
