//! Rounds, the desktop program: windows, commands, capabilities. It puts the workstation together
//! with the keychain, the network and the clock of this computer, and forwards its notices.
//!
//! Never: SQL, HTTP, a decision about records; never the development server, a remote origin, or
//! a window title that names a patient.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod commands;
mod events;
mod overwrite;
mod registry;
mod video;
mod window;

use std::process::ExitCode;
use std::sync::Arc;

use tauri::{App, AppHandle, Manager, RunEvent};
use tokio::sync::broadcast::error::RecvError;
use workstation::adapter::https::Https;
use workstation::adapter::lock_signals::Buses;
use workstation::adapter::system_browser::SystemBrowser;
use workstation::adapter::unusable::Unusable;
use workstation::port::Ports;
use workstation::port::clock::SystemClock;
use workstation::port::entropy::SystemEntropy;
use workstation::port::keychain::Keychain;
use workstation::port::server::Server;
use workstation::profile::config::Config;
use workstation::profile::{Places, ProfileError};
use workstation::view::session::SessionView;
use workstation::{Notice, Workstation};

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    window::paint_where_it_is_cheap();
    workstation::log::start();
    let erases = std::env::args().any(|argument| argument == "--erase-profiles");
    match if erases { erase() } else { run() } {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(reason = %error, "Rounds cannot start");
            ExitCode::FAILURE
        }
    }
}

/// Why the program cannot start at all.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("there is no place for profiles")]
    Places(#[from] ProfileError),
    #[error("the window system cannot be reached")]
    Window(#[from] tauri::Error),
    #[error("not every profile was erased")]
    Erasing,
}

/// What a package does before it is removed: no window, no password.
fn erase() -> Result<(), StartError> {
    let workstation = compose(Places::from_environment()?);
    match tauri::async_runtime::block_on(workstation.erase_profiles()) {
        Ok(erased) => {
            tracing::info!(erased, "the profiles of this user were erased");
            Ok(())
        }
        Err(codes) => {
            tracing::error!(?codes, "what stood in the way");
            Err(StartError::Erasing)
        }
    }
}

fn run() -> Result<(), StartError> {
    let places = Places::from_environment()?;
    let webview_folder = places.profiles.join("webview");
    let registry = registry::registry();
    let handler = registry.invoke_handler();
    let app = tauri::Builder::default()
        .plugin(tauri_plugin_single_instance::init(|app, _, _| {
            window::raise(app)
        }))
        .plugin(
            tauri_plugin_window_state::Builder::new()
                .with_state_flags(
                    tauri_plugin_window_state::StateFlags::SIZE
                        | tauri_plugin_window_state::StateFlags::POSITION
                        | tauri_plugin_window_state::StateFlags::MAXIMIZED,
                )
                .build(),
        )
        .invoke_handler(handler)
        .setup(move |app| {
            // First: the processes of the webview start while the rest is put together. No
            // command of its page arrives before this function has ended.
            window::open(app, webview_folder)?;
            let workstation = compose(places);
            app.manage(workstation.clone());
            registry.mount_events(app);
            forward(app, &workstation);
            tauri::async_runtime::spawn(workstation.clone().attend());
            tauri::async_runtime::spawn(workstation::adapter::lock_signals::watch(
                workstation,
                Buses::default(),
            ));
            Ok(())
        })
        .build(tauri::generate_context!())?;
    app.run(|app, event| {
        if let RunEvent::Exit = event
            && let Some(workstation) = app.try_state::<Workstation>()
        {
            // The profile is closed in order: the log carried over, the keys wiped.
            if tauri::async_runtime::block_on(workstation.lock()).is_err() {
                tracing::warn!("closing the profile failed");
            }
        }
    });
    Ok(())
}

/// Keychain, network, clock and randomness of this computer.
fn compose(places: Places) -> Workstation {
    let config = Config::load(&places.config);
    let clock = Arc::new(SystemClock::default());
    let entropy = Arc::new(SystemEntropy);
    let agent = concat!("Rounds/", env!("CARGO_PKG_VERSION"));
    let server: Arc<dyn Server> =
        match Https::new(config.ca.as_deref(), agent, clock.clone(), entropy.clone()) {
            Ok(server) => Arc::new(server),
            // The sign-in screen says so, and an open profile works off line.
            Err(error) => {
                tracing::error!(reason = %error, "no connection can be made");
                Arc::new(Unusable)
            }
        };
    let ports = Ports {
        keychain: keychain(),
        server,
        browser: Arc::new(SystemBrowser),
        clock,
        entropy,
    };
    Workstation::new(places, config, ports)
}

#[cfg(target_os = "linux")]
fn keychain() -> Arc<dyn Keychain> {
    Arc::new(workstation::adapter::secret_service::SecretService)
}

#[cfg(not(target_os = "linux"))]
compile_error!("The keychain adapters of other systems have an issue of their own.");

fn forward(app: &App, workstation: &Workstation) {
    let app = app.handle().clone();
    let mut notices = workstation.notices();
    let workstation = workstation.clone();
    tauri::async_runtime::spawn(async move {
        let mut shown = Shown::default();
        loop {
            match notices.recv().await {
                Ok(notice) => {
                    if let Notice::Session(view) = &notice {
                        shown.follow(&app, view);
                    }
                    events::forward(&app, notice);
                }
                Err(RecvError::Lagged(_)) => {
                    // Some were missed: tell the whole state again.
                    if let Ok(view) = workstation.session_view().await {
                        shown.follow(&app, &view);
                        events::forward(&app, Notice::Session(view));
                    }
                    if let Ok(view) = workstation.sync_view().await {
                        events::forward(&app, Notice::Sync(view));
                    }
                }
                Err(RecvError::Closed) => return,
            }
        }
    });
}

/// What the window was told last.
#[derive(Default)]
struct Shown {
    /// Whose records it may have been given.
    user: Option<(Option<String>, String)>,
    browsing: bool,
}

impl Shown {
    fn follow(&mut self, app: &AppHandle, view: &SessionView) {
        // Back from the browser: the window comes to the front again.
        if std::mem::replace(&mut self.browsing, view.browsing) && !view.browsing {
            window::raise(app);
        }
        let user = view.user.as_ref();
        let user = user.map(|user| (view.server.clone(), user.username.clone()));
        let was = std::mem::replace(&mut self.user, user);
        if was.is_some() && was != self.user {
            window::forget(app);
        }
    }
}
