//! The patient's page: files that were built beside the workstation's interface.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use axum::extract::{Path as At, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::app::App;

/// Everything comes from this server; nothing may be framed, sent elsewhere or kept.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; \
                      img-src 'self'; media-src 'self'; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";
const DEVICES: &str = "camera=(self), microphone=(self), geolocation=(), display-capture=()";
const PERMISSIONS: HeaderName = HeaderName::from_static("permissions-policy");

/// The page's files, in memory.
#[derive(Debug, Clone, Default)]
pub struct Page(Arc<HashMap<String, (&'static str, Vec<u8>)>>);

/// The folder of the page cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the patient's page cannot be read from {path}")]
pub struct PageError {
    /// Which folder or file.
    pub path: std::path::PathBuf,
    /// Why.
    #[source]
    pub source: std::io::Error,
}

impl Page {
    /// Reads a folder without its subfolders.
    ///
    /// # Errors
    /// [`PageError`], also when there is no `index.html`.
    pub fn read(folder: &Path) -> Result<Self, PageError> {
        let wrong = |path: &Path| {
            let path = path.to_owned();
            move |source| PageError { path, source }
        };
        let mut files = HashMap::new();
        for entry in std::fs::read_dir(folder).map_err(wrong(folder))? {
            let path = entry.map_err(wrong(folder))?.path();
            let form = match path.extension().and_then(|ending| ending.to_str()) {
                Some("html") => "text/html; charset=utf-8",
                Some("js") => "text/javascript",
                Some("css") => "text/css",
                Some("svg") => "image/svg+xml",
                Some("woff2") => "font/woff2",
                _ => continue,
            };
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            files.insert(
                name.to_owned(),
                (form, std::fs::read(&path).map_err(wrong(&path))?),
            );
        }
        if !files.contains_key("index.html") {
            return Err(wrong(&folder.join("index.html"))(
                std::io::ErrorKind::NotFound.into(),
            ));
        }
        Ok(Self(Arc::new(files)))
    }

    fn answer(&self, name: &str) -> Response {
        let Some((form, bytes)) = self.0.get(name) else {
            return StatusCode::NOT_FOUND.into_response();
        };
        (
            [
                (CONTENT_TYPE, *form),
                (CONTENT_SECURITY_POLICY, POLICY),
                (PERMISSIONS, DEVICES),
            ],
            bytes.clone(),
        )
            .into_response()
    }
}

pub(super) async fn index(State(app): State<Arc<App>>) -> Response {
    app.page.answer("index.html")
}

pub(super) async fn file(State(app): State<Arc<App>>, At(name): At<String>) -> Response {
    app.page.answer(&name)
}
