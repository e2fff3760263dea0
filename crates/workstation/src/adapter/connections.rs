//! The connections to the platform. What came over one lies in its buffers for as long as it
//! lives, so they are let go of when a profile is locked.

use std::path::Path;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use reqwest::{Certificate, Client, tls};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::https::configuration;
use crate::port::server::ServerError;

/// Time for a connection.
pub(super) const CONNECT: Duration = Duration::from_secs(8);
/// Time in which some bytes must come; a page of the first filling takes the server a moment.
const SILENCE: Duration = Duration::from_secs(45);

pub(super) struct Connections {
    agent: String,
    /// Those that are trusted alone; none: what the system trusts.
    trusted: Option<Vec<Certificate>>,
    /// The same, for what connects to relays.
    authorities: Vec<CertificateDer<'static>>,
    client: RwLock<Client>,
}

impl Connections {
    pub(super) fn new(ca: Option<&Path>, agent: &str) -> Result<Self, ServerError> {
        let mut authorities = Vec::new();
        let trusted = match ca {
            None => None,
            Some(ca) => {
                let pem = std::fs::read(ca).map_err(configuration)?;
                let certificates = Certificate::from_pem_bundle(&pem).map_err(configuration)?;
                if certificates.is_empty() {
                    return Err(configuration("the file holds no certificate"));
                }
                authorities = CertificateDer::pem_slice_iter(&pem)
                    .collect::<Result<_, _>>()
                    .map_err(configuration)?;
                Some(certificates)
            }
        };
        let client = client(agent, trusted.as_deref()).map_err(configuration)?;
        Ok(Self {
            agent: agent.to_owned(),
            trusted,
            authorities,
            client: RwLock::new(client),
        })
    }

    pub(super) fn authorities(&self) -> Vec<CertificateDer<'static>> {
        self.authorities.clone()
    }

    pub(super) fn client(&self) -> Client {
        self.client
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Closes those that nobody uses; the next request makes a new one.
    pub(super) fn forget(&self) {
        match client(&self.agent, self.trusted.as_deref()) {
            Ok(fresh) => {
                *self.client.write().unwrap_or_else(PoisonError::into_inner) = fresh;
            }
            Err(error) => tracing::error!(reason = %error, "connections could not be closed"),
        }
    }
}

fn client(agent: &str, trusted: Option<&[Certificate]>) -> reqwest::Result<Client> {
    let builder = Client::builder()
        .user_agent(agent)
        .https_only(true)
        .tls_version_min(tls::Version::TLS_1_3)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .pool_idle_timeout(Duration::from_secs(60));
    match trusted {
        Some(trusted) => builder.tls_certs_only(trusted.iter().cloned()),
        None => builder,
    }
    .build()
}
