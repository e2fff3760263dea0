//! A platform with a clinic in it: what `serve` and `demo` have in common.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use testbed::{NewUser, Platform, PlatformOptions};

use crate::failure::Failure;
use crate::step::{self, seconds};

/// What fills the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filling {
    Nothing,
    Synthetic { seed: u64, patients: u32 },
}

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) filling: Filling,
    pub(crate) imports: Vec<PathBuf>,
    /// Where the platform is kept; absent: it goes when it stops.
    pub(crate) data: Option<PathBuf>,
    pub(crate) port: Option<u16>,
    /// One password for all; absent: each its own.
    pub(crate) password: Option<&'static str>,
}

/// A line of `users.json`, as the generator writes it.
#[derive(Debug, Deserialize)]
struct Person {
    username: String,
    role: String,
    display_name: String,
    practitioner: Option<String>,
}

/// What outside tools read: `target/serve/connection.json`.
#[derive(Debug, Serialize)]
struct Connection<'a> {
    fhir: String,
    ca: &'a Path,
    token: String,
    users: &'a [testbed::UserRecord],
    database: String,
    keys_database: String,
    server_pid: u32,
}

const FILLED: &str = "filled";

/// Where the page for patients is, if the interface was built.
fn patient_page() -> Vec<(String, String)> {
    let page = step::root().join("ui/dist-patient");
    let built = page.join("index.html").is_file();
    built
        .then(|| ("ROUNDS_PATIENT_PAGE".to_owned(), page.display().to_string()))
        .into_iter()
        .collect()
}

/// Starts the platform and fills it, or finds it filled.
pub(crate) fn open(wanted: &Wanted) -> Result<Platform, Failure> {
    let zone = zone();
    step::say("Starting PostgreSQL, certificates and the database's schema");
    let options = PlatformOptions {
        data: wanted.data.clone(),
        port: wanted.port,
        server: Some(step::programs()?.join("rounds-server")),
        time_zone: zone.clone(),
        // What goes away at the end need not reach the disk.
        fsync: wanted.data.is_some(),
        environment: patient_page(),
        ..PlatformOptions::default()
    };
    let mut platform = Platform::without_server(options)?;
    fill(&mut platform, wanted, &zone)?;
    for folder in &wanted.imports {
        import(&platform, folder)?;
    }
    step::say("Starting the server");
    platform.start_server()?;
    Ok(platform)
}

/// The clinic's zone is this machine's.
fn zone() -> String {
    let zone = jiff::tz::TimeZone::system();
    zone.iana_name().unwrap_or("UTC").to_owned()
}

fn fill(platform: &mut Platform, wanted: &Wanted, zone: &str) -> Result<(), Failure> {
    let name = match wanted.filling {
        Filling::Nothing => "nothing".to_owned(),
        Filling::Synthetic { seed, patients } => format!("seed {seed}, {patients} patients"),
    };
    let today = jiff::Zoned::now().date();
    match platform.note(FILLED) {
        Some(kept) if kept == name => {
            if let Filling::Synthetic { seed, patients } = wanted.filling {
                later_days(platform, seed, patients, zone, today)?;
            }
            return Ok(());
        }
        Some(kept) => {
            return Err(Failure::Plain(format!(
                "{} holds another clinic ({kept}; asked for: {name}): choose another folder with --data, or remove it",
                platform.folder().display()
            )));
        }
        None => {}
    }
    let people = match wanted.filling {
        Filling::Nothing => nobody_yet(),
        Filling::Synthetic { seed, patients } => {
            let folder = platform.folder().join("synthetic");
            generate(&folder, seed, patients, zone, &[])?;
            // The list of users is not FHIR; what is imported is.
            let path = platform.folder().join("users.json");
            std::fs::rename(folder.join("users.json"), &path).map_err(Failure::file(&path))?;
            import(platform, &folder)?;
            let text = std::fs::read(&path).map_err(Failure::file(&path))?;
            let people = serde_json::from_slice(&text).map_err(|source| Failure::Unreadable {
                what: "the list of users".to_owned(),
                source,
            })?;
            // It has done its service; nothing reads it again.
            std::fs::remove_dir_all(&folder).map_err(Failure::file(&folder))?;
            people
        }
    };
    add_users(platform, &people, wanted.password)?;
    keep_day(platform, today)?;
    platform.keep_note(FILLED, &name)?;
    Ok(())
}

fn add_users(
    platform: &mut Platform,
    people: &[Person],
    password: Option<&str>,
) -> Result<(), Failure> {
    step::say(&format!("Adding {} users", people.len()));
    for person in people {
        let known = platform
            .users()
            .iter()
            .any(|user| user.username == person.username);
        if known {
            continue;
        }
        platform.add_user(&NewUser {
            username: &person.username,
            role: &person.role,
            display_name: &person.display_name,
            password,
            practitioner: person.practitioner.as_deref(),
        })?;
    }
    Ok(())
}

/// Users of a platform without a clinic: one of each role.
fn nobody_yet() -> Vec<Person> {
    [
        ("clinician", "Clinician"),
        ("nurse", "Nurse"),
        ("front-desk", "Front desk"),
        ("security-officer", "Security officer"),
        ("auditor", "Auditor"),
        ("administrator", "Administrator"),
    ]
    .map(|(role, name)| Person {
        username: role.to_owned(),
        role: role.to_owned(),
        display_name: name.to_owned(),
        practitioner: None,
    })
    .into()
}

fn generate(
    folder: &Path,
    seed: u64,
    patients: u32,
    zone: &str,
    more: &[String],
) -> Result<(), Failure> {
    let mut command = Command::new(step::programs()?.join("synthetic"));
    command
        .args([
            "--seed",
            &seed.to_string(),
            "--patients",
            &patients.to_string(),
            "--zone",
            zone,
        ])
        .arg("--out")
        .arg(folder)
        .args(more);
    step::run(
        &format!("Making a synthetic clinic ({patients} patients, seed {seed})"),
        command,
    )
}

const DAY: &str = "diary until";
/// The generator books this many days ahead.
const BOOKED_AHEAD: i64 = 4;

fn keep_day(platform: &mut Platform, today: jiff::civil::Date) -> Result<(), Failure> {
    let last = today.saturating_add(jiff::Span::new().days(BOOKED_AHEAD));
    platform.keep_note(DAY, &last.to_string())?;
    Ok(())
}

/// A clinic kept since an earlier day gets the appointments of the days since; nothing that is
/// there is touched.
fn later_days(
    platform: &mut Platform,
    seed: u64,
    patients: u32,
    zone: &str,
    today: jiff::civil::Date,
) -> Result<(), Failure> {
    let Some(last) = platform
        .note(DAY)
        .and_then(|text| text.parse::<jiff::civil::Date>().ok())
    else {
        return Ok(());
    };
    if today.saturating_add(jiff::Span::new().days(BOOKED_AHEAD)) <= last {
        return Ok(());
    }
    let folder = platform.folder().join("synthetic");
    generate(
        &folder,
        seed,
        patients,
        zone,
        &["--diary-after".to_owned(), last.to_string()],
    )?;
    import(platform, &folder)?;
    std::fs::remove_dir_all(&folder).map_err(Failure::file(&folder))?;
    keep_day(platform, today)
}

/// Loads a folder of bundles, with progress.
fn import(platform: &Platform, folder: &Path) -> Result<(), Failure> {
    let begin = Instant::now();
    step::say(&format!("Loading {}", folder.display()));
    let mut command = platform.command();
    command.arg("import").arg(folder).arg("--progress");
    let printed = step::output("the import", command)?;
    let report: Value = serde_json::from_str(&printed).map_err(|source| Failure::Unreadable {
        what: "the import's report".to_owned(),
        source,
    })?;
    let count: u64 = report["imported"]
        .as_object()
        .map_or(0, |types| types.values().filter_map(Value::as_u64).sum());
    eprintln!("   {count} records in {}", seconds(begin.elapsed()));
    let failed = report["failed"]
        .as_array()
        .map_or(&[] as &[Value], Vec::as_slice);
    if failed.is_empty() {
        return Ok(());
    }
    for failure in failed.iter().take(5) {
        eprintln!("   {failure}");
    }
    Err(Failure::Plain(format!(
        "{} records could not be loaded",
        failed.len()
    )))
}

/// Writes the file that integrators and outside test tools read, for its owner's eyes only.
pub(crate) fn write_connection(platform: &mut Platform, path: &Path) -> Result<(), Failure> {
    let token = platform.token()?;
    let server_pid = platform
        .server_id()
        .ok_or_else(|| Failure::Plain("the server ended at once".to_owned()))?;
    let connection = Connection {
        fhir: format!("{}/fhir/R4", platform.base_url()),
        ca: platform.ca(),
        token,
        users: platform.users(),
        database: platform.superuser_url(),
        keys_database: platform.cluster().superuser_url(platform.keys_database()),
        server_pid,
    };
    let text =
        serde_json::to_string_pretty(&json!(connection)).map_err(|source| Failure::Unreadable {
            what: "the connection".to_owned(),
            source,
        })?;
    write_private(path, &text)
}

/// Writes a file that is private from its first byte on, whole or not at all.
fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(Failure::file(folder))?;
    }
    let fresh = path.with_extension("new");
    // Absent is what it should be.
    let _ = std::fs::remove_file(&fresh);
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&fresh)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| std::fs::rename(&fresh, path))
        .map_err(Failure::file(path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_connection_file_is_private_and_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("serve/connection.json");
        for text in ["one", "two"] {
            super::write_private(&path, text).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
