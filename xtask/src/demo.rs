//! `cargo xtask demo`: a clinician's day on this machine, from nothing.

use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use testbed::{Child, Leftovers, Platform, UserRecord};
use totp_rs::{Builder, Secret};

use crate::clinic::{self, Filling, Wanted};
use crate::failure::Failure;
use crate::step::seconds;
use crate::{build, install, serve, step, stop, tour};

/// Options of `demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    /// Load the FHIR bundles of this folder too; may be given several times.
    #[arg(long, value_name = "DIR")]
    import: Vec<PathBuf>,
    /// Seed of the synthetic clinic.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Size of the synthetic clinic.
    #[arg(long, default_value_t = 200)]
    patients: u32,
}

/// Everybody's in the demonstration; the clinic is on this machine and its people are invented.
const PASSWORD: &str = "northampton-elm-42";

/// Opens the window on a clinic of its own, or takes the tour where there is no display.
pub(crate) fn run(options: &Demo) -> Result<(), Failure> {
    let display = ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    if !display {
        eprintln!("There is no display: the tour goes through the real window on a virtual one.");
        return tour::run(&[]);
    }
    let begin = Instant::now();
    install::missing(install::For::Desktop)?;
    build::interface()?;
    build::programs(&["rounds-server", "rounds", "synthetic"])?;
    let filling = Filling::Synthetic {
        seed: options.seed,
        patients: options.patients,
    };
    let mut platform = clinic::open(&Wanted {
        filling,
        data: serve::kept("demo", None, filling, &options.import)?,
        imports: options.import.clone(),
        port: None,
        password: Some(PASSWORD),
    })?;
    let mut window = window(&platform)?;
    eprintln!("── Open after {}", seconds(begin.elapsed()));
    how_to_sign_in(&platform);
    codes_on_request(platform.users().to_vec());
    while !stop::wait(Duration::from_millis(300)) {
        if platform.server_id().is_none() {
            return serve::watch(&mut platform);
        }
        if let Some(status) = window.ended() {
            if !status.success() {
                return Err(Failure::Step {
                    what: "the window".to_owned(),
                    status: status.to_string(),
                });
            }
            eprintln!("The window was closed.");
            break;
        }
    }
    window.stop(Duration::from_secs(5));
    Ok(())
}

/// The desktop program, with a profile of its own beside the platform.
fn window(platform: &Platform) -> Result<Child, Failure> {
    let mut command = Command::new(step::programs()?.join("rounds"));
    let desktop = platform.folder().join("desktop");
    command
        .env("ROUNDS_SERVER", platform.base_url())
        .env("ROUNDS_CA", platform.ca())
        .env("ROUNDS_PROFILE_DIR", desktop.join("profiles"))
        .env("ROUNDS_CONFIG_DIR", desktop.join("config"));
    Ok(Child::start(
        command,
        Signal::SIGTERM,
        Leftovers::default(),
    )?)
}

fn how_to_sign_in(platform: &Platform) {
    println!();
    println!(
        "Sign in to Rounds at {} as one of these.",
        platform.base_url()
    );
    println!("Everybody's password: {PASSWORD}");
    println!();
    print_codes(platform.users());
    println!();
    println!("The code is asked for on the first sign-in only. Press Enter here for fresh ones.");
    println!("Ctrl-C, or closing the window, stops everything.");
}

fn print_codes(users: &[UserRecord]) {
    println!(
        "   {:18} {:20} code, good for half a minute",
        "name", "role"
    );
    for user in users {
        let code = code(&user.totp_secret).unwrap_or_else(|| "-".to_owned());
        println!("   {:18} {:20} {code}", user.username, user.role);
    }
}

/// The one-time code of now.
fn code(secret: &str) -> Option<String> {
    let secret = Secret::try_from_base32(secret).ok()?;
    let totp = Builder::new().with_secret(secret).build().ok()?;
    Some(totp.generate_current().to_string())
}

/// Prints fresh codes whenever Enter is pressed.
fn codes_on_request(users: Vec<UserRecord>) {
    if !std::io::stdin().is_terminal() {
        return;
    }
    std::thread::spawn(move || {
        for _ in std::io::stdin().lock().lines().map_while(Result::ok) {
            print_codes(&users);
        }
    });
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_code_has_six_digits_and_a_bad_secret_none() {
        let code = super::code("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP").unwrap();
        assert!(
            code.len() == 6 && code.chars().all(|c| c.is_ascii_digit()),
            "{code}"
        );
        assert_eq!(super::code("not base32!"), None);
    }
}
