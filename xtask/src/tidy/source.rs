//! The files of the project that people write.

use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Folders that are made, fetched or kept by tools.
const MADE: &[&str] = &["target", "node_modules", "dist", ".git", "coverage", "out"];

/// Text files, by their path from the root, in order.
#[derive(Debug)]
pub(super) struct Tree {
    root: PathBuf,
    files: Vec<File>,
}

/// One text file.
#[derive(Debug)]
pub(super) struct File {
    pub(super) path: String,
    pub(super) text: String,
}

impl Tree {
    pub(super) fn read(root: &Path) -> Result<Self, Failure> {
        let mut paths = Vec::new();
        collect(root, &mut paths)?;
        paths.sort();
        let mut files = Vec::new();
        for path in paths {
            let bytes = match std::fs::read(&path) {
                Ok(bytes) => bytes,
                // Written and removed by a tool meanwhile.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(Failure::file(&path)(error)),
            };
            // Pictures and the like are nobody's text.
            if let (Ok(text), Ok(short)) = (String::from_utf8(bytes), path.strip_prefix(root)) {
                files.push(File {
                    path: short.to_string_lossy().into_owned(),
                    text,
                });
            }
        }
        Ok(Self {
            root: root.to_owned(),
            files,
        })
    }

    #[cfg(test)]
    pub(super) fn of(files: impl Iterator<Item = (PathBuf, String)>) -> Self {
        Self {
            root: PathBuf::new(),
            files: files
                .map(|(path, text)| File {
                    path: path.to_string_lossy().into_owned(),
                    text,
                })
                .collect(),
        }
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &File> {
        self.files.iter()
    }

    /// Files under a folder with one of these endings.
    pub(super) fn under<'a>(
        &'a self,
        folder: &'a str,
        endings: &'a [&str],
    ) -> impl Iterator<Item = &'a File> {
        self.files.iter().filter(move |file| {
            file.path.starts_with(folder)
                && endings.iter().any(|ending| file.path.ends_with(ending))
        })
    }

    pub(super) fn get(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Whether there is anything at this path, text or not.
    pub(super) fn has(&self, path: &str) -> bool {
        self.get(path).is_some() || self.root.join(path).exists()
    }
}

impl File {
    /// Lines of Rust or TypeScript without comments and without the tests at the end of a file,
    /// with their numbers from 0.
    pub(super) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
            .filter(|(_, line)| {
                let line = line.trim_start();
                !line.starts_with("//") && !line.starts_with('*') && !line.starts_with("/*")
            })
    }
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<(), Failure> {
    for entry in std::fs::read_dir(folder).map_err(Failure::file(folder))? {
        let entry = entry.map_err(Failure::file(folder))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(Failure::file(&path))?;
        if kind.is_dir() {
            let made = entry
                .file_name()
                .to_str()
                .is_some_and(|name| MADE.contains(&name));
            if !made {
                collect(&path, paths)?;
            }
        } else if kind.is_file() {
            paths.push(path);
        }
    }
    Ok(())
}
