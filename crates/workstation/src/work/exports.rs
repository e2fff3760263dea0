//! Reports that leave for a file.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ledger::Action;
use ledger::event::Purpose;
use protocol::report::ReportQuery;

use super::Desk;
use crate::error::WorkError;
use crate::view::report::{ExportFormat, Exported};

/// Files of one day and kind.
const MOST: u32 = 1000;

impl Desk {
    /// Writes a report that the server gave into a folder. What leaves for a file is recorded
    /// here too: the server knows that it was read, and not that it was kept.
    ///
    /// # Errors
    /// [`WorkError`].
    pub(crate) fn keep_report(
        &self,
        folder: &Path,
        query: &ReportQuery,
        format: ExportFormat,
        content: &[u8],
    ) -> Result<Exported, WorkError> {
        let asked = serde_json::to_string(query)
            .map_err(|error| WorkError::Export(io::Error::other(error)))?;
        let mut event = self
            .event(Action::ReportExported)?
            .serving(Purpose::Operations)
            .asking(asked);
        if let Some(patient) = &query.patient {
            event = event.about(patient.clone());
        }
        self.record(event)?;
        let ending = match format {
            ExportFormat::Csv => "csv",
            ExportFormat::Fhir => "json",
        };
        let name = format!("rounds-accesses-{}", self.today());
        let path = write_new(folder, &name, ending, content).map_err(WorkError::Export)?;
        Ok(Exported {
            path: path.display().to_string(),
        })
    }
}

/// Writes a file that only this user may read, under a name that no file has yet.
fn write_new(folder: &Path, name: &str, ending: &str, content: &[u8]) -> io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    for number in 1..=MOST {
        let path = folder.join(match number {
            1 => format!("{name}.{ending}"),
            _ => format!("{name}-{number}.{ending}"),
        });
        let mut file = match options.open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            opened => opened?,
        };
        let written = file.write_all(content).and_then(|()| file.sync_all());
        if let Err(error) = written {
            // Half a report would pass for a whole one.
            let _ = std::fs::remove_file(&path);
            return Err(error);
        }
        return Ok(path);
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_is_overwritten_and_nobody_else_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("Downloads");
        let first = write_new(&inner, "report", "csv", b"one").unwrap();
        let second = write_new(&inner, "report", "csv", b"two").unwrap();
        assert_eq!(first.file_name().unwrap(), "report.csv");
        assert_eq!(second.file_name().unwrap(), "report-2.csv");
        assert_eq!(std::fs::read(&first).unwrap(), b"one");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&second).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
