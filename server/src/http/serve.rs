//! Serving: TLS 1.3 and nothing else, until a signal says stop.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum_server::Handle;
use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::app::App;
use crate::config::TlsFiles;
use crate::feed::changes::Changes;
use crate::http::router::router;
use crate::identity::oidc::pending;
use crate::identity::password::PasswordGate;
use crate::identity::{limit, proof, session};
use crate::ledger::sequence;

/// Requests that are being answered get this long after a signal.
const GRACE: Duration = Duration::from_secs(5);
/// How often what is too old is forgotten.
const SWEEP: Duration = Duration::from_secs(60);

/// Why the server does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Certificate and key are not configured.
    #[error("ROUNDS_TLS_CERT and ROUNDS_TLS_KEY are needed: there is no plain port")]
    NoTls,
    /// A file of certificate or key cannot be read.
    #[error("{path} cannot be read as PEM")]
    Pem {
        /// Which file.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: rustls_pki_types::pem::Error,
    },
    /// Certificate and key cannot be used.
    #[error("certificate and key cannot be used")]
    Tls(#[from] rustls::Error),
    /// The address cannot be had, or the server broke.
    #[error("cannot listen on {address}")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Passwords cannot be compared.
    #[error("passwords cannot be compared")]
    Password(#[from] vault::password::PasswordError),
    /// Standard output or signals cannot be used.
    #[error("the process cannot be set up")]
    Process(#[from] std::io::Error),
}

/// Serves until SIGTERM or SIGINT. Prints one line on standard output when it listens.
///
/// # Errors
/// [`ServeError`].
pub async fn serve(app: Arc<App>) -> Result<(), ServeError> {
    let files = app.config.tls.as_ref().ok_or(ServeError::NoTls)?;
    let tls = RustlsConfig::from_config(Arc::new(tls(files)?));
    let address = app.config.listen;
    let listen = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address).map_err(listen)?;
    listener.set_nonblocking(true).map_err(listen)?;

    let gate = tokio::task::spawn_blocking(PasswordGate::new)
        .await
        .map_err(std::io::Error::other)??;
    let (stop, stopping) = watch::channel(false);
    let changes = Changes::listen(&app, stopping.clone());
    let service = router(Arc::clone(&app), Arc::new(gate), Arc::new(changes));
    sequence::start(&app, stopping.clone());
    sweep(&app, stopping);

    let handle = Handle::new();
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let ending = handle.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        info!("stopping");
        // Streams that wait for changes end by themselves when they hear this.
        let _ = stop.send(true);
        ending.graceful_shutdown(Some(GRACE));
    });

    let acceptor = RustlsAcceptor::new(tls).acceptor(NoDelayAcceptor::new());
    let server = axum_server::from_tcp(listener)
        .map_err(listen)?
        .acceptor(acceptor)
        .handle(handle);
    let mut out = std::io::stdout();
    writeln!(out, "listening on {}", app.config.public_url)?;
    out.flush()?;
    info!(%address, "listening");
    server
        .serve(service.into_make_service_with_connect_info::<SocketAddr>())
        .await
        .map_err(listen)
}

fn tls(files: &TlsFiles) -> Result<ServerConfig, ServeError> {
    let pem = |path: &std::path::Path| {
        let path = path.to_owned();
        move |source| ServeError::Pem { path, source }
    };
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(pem(&files.certificate))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(pem(&files.key))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Forgets from time to time what is too old to count.
fn sweep(app: &Arc<App>, mut stopping: watch::Receiver<bool>) {
    let app = Arc::clone(app);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = stopping.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(SWEEP) => {}
            }
            let Ok(client) = app.pool.get().await else {
                continue;
            };
            let swept = async {
                proof::forget_old(&app, &client).await?;
                limit::forget_old(&app, &client).await?;
                pending::forget_old(&app, &client).await?;
                session::forget_scoped(&app, &client).await
            };
            if let Err(error) = swept.await {
                warn!(
                    code = error.code(),
                    "old proofs and failures could not be forgotten"
                );
            }
        }
    });
}
