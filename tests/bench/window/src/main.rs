//! An empty Tauri window: what the desktop program is measured against.
//!
//! The window has the size of the real one and its page is one colour, so that the moment at
//! which it is drawn can be seen from outside.
//!
//! Never: anything the desktop program does. What is added here makes Rounds look better.

use std::process::ExitCode;

use tauri::{WebviewUrl, WebviewWindowBuilder};

fn main() -> ExitCode {
    let automated = std::env::var("TAURI_WEBVIEW_AUTOMATION").as_deref() == Ok("true");
    let outcome = tauri::Builder::default()
        .setup(move |app| {
            let page = WebviewUrl::App("index.html".into());
            WebviewWindowBuilder::new(app, "bare", page)
                .title("Bare window")
                .inner_size(1280.0, 800.0)
                .min_inner_size(1280.0, 800.0)
                .devtools(false)
                // WebDriver cannot drive an ephemeral webview.
                .incognito(!automated)
                .build()?;
            Ok(())
        })
        .run(tauri::generate_context!());
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
