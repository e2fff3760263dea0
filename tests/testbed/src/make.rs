//! Making the files of a cluster.
//!
//! initdb takes seconds of work, and every test has a cluster of its own: those that need not
//! survive a power cut are copies of one that was made before.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::account::Account;
use crate::cluster::{ClusterOptions, finished};
use crate::error::TestbedError;

/// Password of the superuser of what is copied; every copy gets its own.
const TEMPLATE_PASSWORD: &str = "template";

/// Makes the files of a cluster in its empty folder.
pub(crate) fn files(
    programs: &Path,
    account: &Account,
    options: &ClusterOptions,
) -> Result<(), TestbedError> {
    // What an interrupted attempt left would make initdb refuse.
    clear(&options.data)?;
    if options.fsync {
        return initialise(
            programs,
            account,
            &options.data,
            &options.superuser_password,
            &[],
        );
    }
    let template = template(programs, account)?;
    let copied = copy(account, &template, &options.data)
        .and_then(|()| set_password(programs, account, options));
    if copied.is_err() {
        let _ = fs::remove_dir_all(&options.data);
    }
    copied
}

fn clear(folder: &Path) -> Result<(), TestbedError> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(TestbedError::file(folder))?;
    }
    Ok(())
}

fn initialise(
    programs: &Path,
    account: &Account,
    data: &Path,
    password: &str,
    more: &[&str],
) -> Result<(), TestbedError> {
    fs::create_dir_all(data).map_err(TestbedError::file(data))?;
    account.own(data)?;
    let secret = tempfile::Builder::new()
        .prefix("rounds-")
        .tempfile_in("/tmp")
        .map_err(TestbedError::file("/tmp"))?;
    fs::write(secret.path(), password).map_err(TestbedError::file(secret.path()))?;
    account.own(secret.path())?;
    let mut command = account.command(&programs.join("initdb"));
    command
        .arg("-D")
        .arg(data)
        .args(["-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8"])
        .args(["-A", "scram-sha-256"])
        .args(more)
        .arg(format!("--pwfile={}", secret.path().display()))
        .stdin(Stdio::null());
    let output = command.output().map_err(|source| TestbedError::Start {
        program: "initdb".to_owned(),
        source,
    })?;
    if let Err(error) = finished("initdb", &output) {
        let _ = fs::remove_dir_all(data);
        return Err(error);
    }
    Ok(())
}

/// The cluster that others are copies of, made if it is not there: one for each account and each
/// version of PostgreSQL.
fn template(programs: &Path, account: &Account) -> Result<PathBuf, TestbedError> {
    let version: String = programs
        .to_string_lossy()
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    let place = PathBuf::from(format!(
        "/var/tmp/rounds-template-{}-{version}",
        account.id()
    ));
    if is_ours(&place, account) {
        return Ok(place);
    }
    let making = tempfile::Builder::new()
        .prefix("rounds-template-")
        .tempdir_in("/var/tmp")
        .map_err(TestbedError::file("/var/tmp"))?;
    account.own(making.path())?;
    let data = making.path().join("data");
    initialise(programs, account, &data, TEMPLATE_PASSWORD, &["--no-sync"])?;
    // Whoever comes first wins; the others' is as good, and goes.
    match fs::rename(&data, &place) {
        Ok(()) => Ok(place),
        Err(_) if is_ours(&place, account) => Ok(place),
        Err(source) => Err(TestbedError::file(&place)(source)),
    }
}

/// Whether it is whole and nobody else could have put it there.
fn is_ours(place: &Path, account: &Account) -> bool {
    place.join("PG_VERSION").is_file()
        && fs::symlink_metadata(place).is_ok_and(|folder| {
            folder.is_dir() && folder.uid() == account.id() && folder.mode() & 0o077 == 0
        })
}

fn copy(account: &Account, template: &Path, data: &Path) -> Result<(), TestbedError> {
    fs::create_dir_all(data).map_err(TestbedError::file(data))?;
    account.own(data)?;
    let output = account
        .command(Path::new("/bin/cp"))
        .args(["-a", "--"])
        .arg(template.join("."))
        .arg(data)
        .stdin(Stdio::null())
        .output()
        .map_err(|source| TestbedError::Start {
            program: "cp".to_owned(),
            source,
        })?;
    finished("cp", &output)
}

/// Gives a copy its own password, before anybody can connect.
fn set_password(
    programs: &Path,
    account: &Account,
    options: &ClusterOptions,
) -> Result<(), TestbedError> {
    let start = |source| TestbedError::Start {
        program: "postgres --single".to_owned(),
        source,
    };
    let mut process = account
        .command(&programs.join("postgres"))
        .args(["--single", "-F", "-D"])
        .arg(&options.data)
        .arg("postgres")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(start)?;
    if let Some(mut pipe) = process.stdin.take() {
        let password = options.superuser_password.replace('\'', "''");
        // One line is one statement here. If it cannot be written, the exit code says so.
        let _ = writeln!(pipe, "ALTER ROLE postgres PASSWORD '{password}'");
    }
    finished(
        "postgres --single",
        &process.wait_with_output().map_err(start)?,
    )
}
