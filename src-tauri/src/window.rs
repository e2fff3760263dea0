//! The clinician's window.

use tauri::{App, AppHandle, Manager, WebviewUrl, WebviewWindowBuilder};

/// The label that the capability names.
pub const CLINICIAN: &str = "clinician";

/// Opens the one window. Its title never names a patient. The webview keeps nothing on the disk:
/// it is ephemeral, and under WebDriver, which cannot drive an ephemeral one, its files lie in
/// the profile area where the search for readable traces looks as well.
pub fn open(app: &App, webview_folder: std::path::PathBuf) -> tauri::Result<()> {
    let builder = WebviewWindowBuilder::new(app, CLINICIAN, WebviewUrl::App("index.html".into()))
        .title("Rounds")
        .inner_size(1280.0, 800.0)
        .min_inner_size(1280.0, 800.0)
        .devtools(cfg!(debug_assertions))
        // The records come through the commands; no page of the world is ever opened.
        .on_navigation(|url| url.scheme() == "tauri" || url.host_str() == Some("tauri.localhost"));
    let builder = if is_automated() {
        builder.data_directory(webview_folder)
    } else {
        builder.incognito(true)
    };
    let window = builder.build()?;
    #[cfg(target_os = "linux")]
    if !is_automated() {
        window.with_webview(|view| outlive(&view))?;
    }
    Ok(())
}

/// A web engine whose process breaks leaves an empty window. The page is loaded anew then, and
/// asks the program where it stands, as after a lock; what was typed is kept as a draft.
#[cfg(target_os = "linux")]
fn outlive(view: &tauri::webview::PlatformWebview) {
    use webkit2gtk::{WebProcessTerminationReason, WebViewExt as _};
    /// A page that breaks its process again at once is not loaded for ever.
    const ONCE_IN: std::time::Duration = std::time::Duration::from_secs(5);
    let last = std::cell::Cell::new(None::<std::time::Instant>);
    view.inner()
        .connect_web_process_terminated(move |view, reason| {
            // Who ends it on purpose loads the page.
            if reason == WebProcessTerminationReason::TerminatedByApi {
                return;
            }
            tracing::error!(?reason, "the web engine's process broke");
            if last.get().is_none_or(|last| last.elapsed() >= ONCE_IN) {
                last.set(Some(std::time::Instant::now()));
                view.reload();
            }
        });
}

/// On a computer without a graphics processor the webview would have its shaders compiled for
/// the processor before it draws anything, and would put layers together by a driver that
/// imitates such a processor; painting there without either is faster and takes 109 MB less
/// with a chart open.
/// Called before the program has a second thread.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
pub fn paint_where_it_is_cheap() {
    const PAINTING: [&str; 2] = [
        "WEBKIT_SKIA_ENABLE_CPU_RENDERING",
        "WEBKIT_DISABLE_COMPOSITING_MODE",
    ];
    let has_graphics = std::fs::read_dir("/dev/dri").is_ok_and(|devices| {
        devices
            .flatten()
            .any(|device| device.file_name().to_string_lossy().starts_with("renderD"))
    });
    if has_graphics {
        return;
    }
    for name in PAINTING {
        if std::env::var_os(name).is_none() {
            // SAFETY: no other thread runs yet that could read the environment meanwhile.
            unsafe { std::env::set_var(name, "1") };
        }
    }
}

/// Ends the web engine's process, and with it all that it was ever given to show: no page can
/// clear the memory of the engine that draws it. A new one draws the sign-in. WebDriver loses its
/// window with the process, so under it the page alone is loaded anew, unless a test wants to see
/// what is left (`ROUNDS_ENDS_WEB_PROCESS`).
pub fn forget(app: &AppHandle) {
    let Some(window) = app.get_webview_window(CLINICIAN) else {
        return;
    };
    let ends = !is_automated() || std::env::var_os("ROUNDS_ENDS_WEB_PROCESS").is_some();
    if let Err(error) = window.with_webview(move |view| load_anew(&view, ends)) {
        tracing::error!(reason = %error, "the window could not be made to forget");
    }
}

fn is_automated() -> bool {
    std::env::var("TAURI_WEBVIEW_AUTOMATION").as_deref() == Ok("true")
}

#[cfg(target_os = "linux")]
fn load_anew(view: &tauri::webview::PlatformWebview, ends_process: bool) {
    use webkit2gtk::WebViewExt as _;
    let view = view.inner();
    if ends_process {
        view.terminate_web_process();
    }
    view.reload();
    let begun = std::time::Instant::now();
    crate::overwrite::freed();
    tracing::debug!(took = ?begun.elapsed(), "what the web engine had freed was written over");
}

#[cfg(not(target_os = "linux"))]
compile_error!("The windows of other systems have an issue of their own.");

/// Brings the window to the front when the program is started a second time.
pub fn raise(app: &AppHandle) {
    if let Some(window) = app.get_webview_window(CLINICIAN) {
        // A window system that refuses to raise leaves the window where it is.
        let _ = window.unminimize();
        let _ = window.set_focus();
    }
}
