//! A local certificate authority and one server certificate under it.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use crate::TestbedError;

const DAY: u64 = 86_400;
/// Platforms refuse server certificates that live longer than 825 days.
const LIFE_DAYS: u64 = 800;
/// Made anew when less than this is left.
const SPARE_DAYS: u64 = 30;

/// Where the files of the authority are.
///
/// The authority's own key is forgotten once it has signed: nobody who finds the folder can
/// make a second certificate that a workstation would trust.
#[derive(Debug, Clone)]
pub struct Authority {
    /// The authority's certificate, PEM: what clients trust.
    pub ca: PathBuf,
    /// The server's certificate, PEM.
    pub certificate: PathBuf,
    /// The server's key, PEM, mode 0600.
    pub key: PathBuf,
}

impl Authority {
    /// Uses the certificates in `folder`, or makes them if they are missing or near their end.
    /// Valid for `localhost`, `127.0.0.1` and `::1`.
    pub fn in_folder(folder: &Path) -> Result<Self, TestbedError> {
        let found = Self {
            ca: folder.join("ca.pem"),
            certificate: folder.join("server.pem"),
            key: folder.join("server.key"),
        };
        let expiry = folder.join("valid-until");
        if !found.usable(&expiry) {
            fs::create_dir_all(folder).map_err(TestbedError::file(folder))?;
            found.make(&expiry)?;
        }
        Ok(found)
    }

    fn usable(&self, expiry: &Path) -> bool {
        let until = fs::read_to_string(expiry)
            .ok()
            .and_then(|text| text.trim().parse::<u64>().ok());
        until.is_some_and(|until| until > seconds_now() + SPARE_DAYS * DAY)
            && [&self.ca, &self.certificate, &self.key]
                .iter()
                .all(|path| path.is_file())
    }

    fn make(&self, expiry: &Path) -> Result<(), TestbedError> {
        let epoch = rcgen::date_time_ymd(1970, 1, 1);
        let now = seconds_now();
        // An hour back: clocks of other machines may be a little behind.
        let begin = epoch + Duration::from_secs(now.saturating_sub(3600));
        let until = now + LIFE_DAYS * DAY;
        let end = epoch + Duration::from_secs(until);

        let mut ca = CertificateParams::new(Vec::<String>::new())?;
        ca.distinguished_name
            .push(DnType::CommonName, "Rounds development authority");
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        (ca.not_before, ca.not_after) = (begin, end);
        let ca_key = KeyPair::generate()?;
        let ca_certificate = ca.self_signed(&ca_key)?;
        let issuer = Issuer::new(ca, ca_key);

        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let mut server = CertificateParams::new(names)?;
        server
            .distinguished_name
            .push(DnType::CommonName, "localhost");
        server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        server.use_authority_key_identifier_extension = true;
        (server.not_before, server.not_after) = (begin, end);
        let server_key = KeyPair::generate()?;
        let certificate = server.signed_by(&server_key, &issuer)?;

        write(&self.ca, &ca_certificate.pem(), 0o644)?;
        write(&self.certificate, &certificate.pem(), 0o644)?;
        write(&self.key, &server_key.serialize_pem(), 0o600)?;
        write(expiry, &until.to_string(), 0o644)
    }
}

fn seconds_now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs())
}

/// Writes a file whose mode is right from its first byte on.
pub(crate) fn write(path: &Path, text: &str, mode: u32) -> Result<(), TestbedError> {
    let fresh = path.with_extension("new");
    let _ = fs::remove_file(&fresh);
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&fresh)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&fresh, path))
        .map_err(TestbedError::file(path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn certificates_are_kept_while_they_are_valid() {
        let folder = tempfile::tempdir().unwrap();
        let first = Authority::in_folder(folder.path()).unwrap();
        let before = fs::read_to_string(&first.certificate).unwrap();
        let again = Authority::in_folder(folder.path()).unwrap();
        assert_eq!(before, fs::read_to_string(&again.certificate).unwrap());
        let mode = fs::metadata(&first.key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let soon = (seconds_now() + DAY).to_string();
        fs::write(folder.path().join("valid-until"), soon).unwrap();
        Authority::in_folder(folder.path()).unwrap();
        assert_ne!(before, fs::read_to_string(&first.certificate).unwrap());
    }
}
