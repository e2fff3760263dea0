//! Compiles the capabilities and makes sure that the executable keeps SQLite to itself.

use std::error::Error;
use std::fs;
use std::path::Path;

mod names {
    include!("src/command_names.rs");
}

/// Shown when the program is built without its face, so that a check of the Rust side alone
/// needs no Node.
const NOTICE: &str = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
<title>Rounds</title>\n<p>The user interface is not built. Run <code>npm ci</code> and \
<code>npm run build</code> in <code>ui/</code>, then build again.</p>\n</html>\n";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=src/command_names.rs");
    // WebKitGTK links the system's SQLite. If this executable exported SQLCipher's symbols, the
    // loader would bind WebKit to them.
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-link-arg-bins=-Wl,--exclude-libs,ALL");
    }
    let page = Path::new("../ui/dist/index.html");
    if !page.exists() {
        fs::create_dir_all("../ui/dist")?;
        fs::write(page, NOTICE)?;
    }
    println!("cargo:rerun-if-changed=../ui/dist");
    let manifest = tauri_build::AppManifest::new().commands(names::COMMAND_NAMES);
    tauri_build::try_build(tauri_build::Attributes::new().app_manifest(manifest))?;
    Ok(())
}
