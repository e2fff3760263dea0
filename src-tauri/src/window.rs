//! The clinician's window.

use tauri::{App, Manager, WebviewUrl, WebviewWindowBuilder};

/// The label that the capability names.
pub const CLINICIAN: &str = "clinician";

/// Opens the one window. Its title never names a patient. The webview keeps nothing on the disk:
/// it is ephemeral, and under WebDriver, which cannot drive an ephemeral one, its files lie in
/// the profile area where the search for readable traces looks as well.
pub fn open(app: &App, webview_folder: std::path::PathBuf) -> tauri::Result<()> {
    let automated = std::env::var("TAURI_WEBVIEW_AUTOMATION").as_deref() == Ok("true");
    let builder = WebviewWindowBuilder::new(app, CLINICIAN, WebviewUrl::App("index.html".into()))
        .title("Rounds")
        .inner_size(1280.0, 800.0)
        .min_inner_size(1280.0, 800.0)
        .devtools(cfg!(debug_assertions))
        // The records come through the commands; no page of the world is ever opened.
        .on_navigation(|url| url.scheme() == "tauri" || url.host_str() == Some("tauri.localhost"));
    let builder = if automated {
        builder.data_directory(webview_folder)
    } else {
        builder.incognito(true)
    };
    builder.build()?;
    Ok(())
}

/// On a computer without a graphics processor the webview would have its shaders compiled for
/// the processor before it draws anything; painting there without them is faster. Called before
/// the program has a second thread.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
pub fn paint_where_it_is_cheap() {
    const PAINTING: &str = "WEBKIT_SKIA_ENABLE_CPU_RENDERING";
    let has_graphics = std::fs::read_dir("/dev/dri").is_ok_and(|devices| {
        devices
            .flatten()
            .any(|device| device.file_name().to_string_lossy().starts_with("renderD"))
    });
    if !has_graphics && std::env::var_os(PAINTING).is_none() {
        // SAFETY: no other thread runs yet that could read the environment meanwhile.
        unsafe { std::env::set_var(PAINTING, "1") };
    }
}

/// Brings the window to the front when the program is started a second time.
pub fn raise(app: &tauri::AppHandle) {
    if let Some(window) = app.get_webview_window(CLINICIAN) {
        // A window system that refuses to raise leaves the window where it is.
        let _ = window.unminimize();
        let _ = window.set_focus();
    }
}
