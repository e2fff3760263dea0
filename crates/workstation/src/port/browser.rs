//! The system's browser, where somebody signs in with the organisation.

use url::Url;

/// The browser does not open.
#[derive(Debug, thiserror::Error)]
#[error("no browser opens")]
pub struct NoBrowser(#[source] pub std::io::Error);

/// Opens pages of the organisation's identity provider, and nothing else.
pub trait Browser: Send + Sync {
    /// Opens a page. Returns once the system has taken the address.
    ///
    /// # Errors
    /// When there is no browser.
    fn open(&self, page: &Url) -> Result<(), NoBrowser>;
}
