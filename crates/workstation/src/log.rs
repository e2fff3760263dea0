//! Logs without patient data: codes and numbers, to standard error.

use tracing_subscriber::EnvFilter;

/// Starts the log. `ROUNDS_LOG` chooses what is told (`info` by default); only our own crates are
/// ever told more than warnings, because others may log what they carry.
pub fn start() {
    let wanted = std::env::var("ROUNDS_LOG").unwrap_or_default();
    let level = match wanted.as_str() {
        "error" | "warn" | "info" | "debug" | "trace" => wanted.as_str(),
        _ => "info",
    };
    let filter = ["rounds", "workstation", "cache", "sync"]
        .iter()
        // The connection of a video call would tell addresses of patients.
        .fold("warn,rtc=off,webrtc=off".to_owned(), |filter, name| {
            format!("{filter},{name}={level}")
        });
    let started = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .try_init();
    // A second start, as in tests, keeps the first.
    drop(started);
    quiet_panics();
}

/// A panic tells where it happened and not what it was about: its message may quote a record.
fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(
            || "somewhere".to_owned(),
            |at| format!("{}:{}", at.file(), at.line()),
        );
        tracing::error!(place, "the program panicked");
    }));
}
