//! Building the interface and the programs.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::step;

/// Folders in `ui/` that are made, not written.
const MADE: &[&str] = &["node_modules", "dist", "dist-patient", "out", "coverage"];

/// Installs the interface's libraries if the list of them changed.
pub(crate) fn libraries() -> Result<(), Failure> {
    fetched(
        "ui",
        "ui-libraries",
        "Fetching the interface's libraries (npm ci)",
    )
}

/// The identity provider that the server is tested with, and a client of its FHIR service.
const TEST_PROVIDER: &str = "server/tests/provider";

/// Installs the libraries of the test provider if the list of them changed.
pub(crate) fn test_provider() -> Result<(), Failure> {
    fetched(
        TEST_PROVIDER,
        "test-provider",
        "Fetching the identity provider of the tests (npm ci)",
    )
}

/// Installs what a folder's lock file names, if it changed.
fn fetched(folder: &str, name: &str, what: &str) -> Result<(), Failure> {
    let folder = step::root().join(folder);
    let mut hasher = DefaultHasher::new();
    read(&folder.join("package-lock.json"))?.hash(&mut hasher);
    let stamp = Stamp::new(name, hasher.finish());
    if stamp.stands() && folder.join("node_modules").is_dir() {
        return Ok(());
    }
    let mut command = step::npm(["ci", "--no-audit", "--no-fund"]);
    command.current_dir(&folder);
    step::run(what, command)?;
    stamp.keep()
}

/// Builds the interface if its sources changed.
pub(crate) fn interface() -> Result<(), Failure> {
    libraries()?;
    let stamp = Stamp::new("ui", sources()?);
    let made = ["ui/dist/index.html", "ui/dist-patient/index.html"];
    if stamp.stands() && made.iter().all(|page| step::root().join(page).is_file()) {
        return Ok(());
    }
    step::run(
        "Building the interface (npm run build)",
        step::npm(["run", "--silent", "build"]),
    )?;
    stamp.keep()
}

/// Builds programs of the workspace, for development.
pub(crate) fn programs(packages: &[&str]) -> Result<(), Failure> {
    let mut arguments = vec!["build", "--bins"];
    for package in packages {
        arguments.extend(["-p", package]);
    }
    build(arguments)
}

/// Builds every program, with the libraries that the tests of the workspace use as well.
pub(crate) fn all_programs() -> Result<(), Failure> {
    build(vec!["build", "--bins", "--workspace"])
}

fn build(arguments: Vec<&str>) -> Result<(), Failure> {
    step::run(
        "Building the programs (the first time takes some minutes)",
        step::cargo(arguments),
    )
}

/// A hash over every source file of the interface.
fn sources() -> Result<u64, Failure> {
    let mut files = Vec::new();
    collect(&step::root().join("ui"), &mut files)?;
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.hash(&mut hasher);
        read(&file)?.hash(&mut hasher);
    }
    Ok(hasher.finish())
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(Failure::file(path))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    for entry in std::fs::read_dir(folder).map_err(Failure::file(folder))? {
        let entry = entry.map_err(Failure::file(folder))?;
        let path = entry.path();
        if path.is_dir() {
            let made = entry
                .file_name()
                .to_str()
                .is_some_and(|name| MADE.contains(&name));
            if !made {
                collect(&path, files)?;
            }
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// Remembers for which sources something was made.
struct Stamp {
    path: PathBuf,
    text: String,
}

impl Stamp {
    fn new(name: &str, hash: u64) -> Self {
        Self {
            path: step::target().join("xtask").join(name),
            text: format!("{hash:016x}"),
        }
    }

    fn stands(&self) -> bool {
        std::fs::read_to_string(&self.path).is_ok_and(|kept| kept == self.text)
    }

    fn keep(&self) -> Result<(), Failure> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder).map_err(Failure::file(folder))?;
        }
        std::fs::write(&self.path, &self.text).map_err(Failure::file(&self.path))
    }
}
