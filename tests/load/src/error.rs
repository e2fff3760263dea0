//! What can go wrong under load.

/// Why a request was not answered, or the platform not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The connection broke or could not be made.
    #[error("the connection failed")]
    Io(#[from] std::io::Error),
    /// TLS cannot be set up.
    #[error("TLS failed")]
    Tls(#[from] rustls::Error),
    /// The certificate to trust cannot be read.
    #[error("the certificate to trust cannot be read")]
    Certificate(#[from] rustls_pki_types::pem::Error),
    /// What came back is not HTTP/1.1 as servers speak it.
    #[error("the answer is not understood: {0}")]
    Answer(&'static str),
    /// A body is not JSON.
    #[error("the body of an answer is not JSON")]
    Json(#[from] serde_json::Error),
    /// The platform could not be set up or operated.
    #[error("the platform: {0}")]
    Platform(#[from] testbed::TestbedError),
    /// The server refused what it should do.
    #[error("{what} was answered with {status}: {body}")]
    Refused {
        /// What was asked.
        what: String,
        /// The status.
        status: u16,
        /// The beginning of the body.
        body: String,
    },
    /// Something that must hold under load does not.
    #[error("{0}")]
    Broken(String),
}

impl LoadError {
    /// Whether the connection is what failed: another may serve.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        matches!(self, Self::Io(_) | Self::Answer(_))
    }
}
