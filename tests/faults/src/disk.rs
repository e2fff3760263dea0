//! A disk and what of it outlives a power cut.
//!
//! What was written and not synced since may be there afterwards or not, in any order, whole or
//! torn between two sectors. A name is safe once its file or its folder was synced, as on the
//! journalling file systems that workstations have; there is one folder.

use std::collections::BTreeMap;

use crate::chance::Chance;

/// Bytes that a disk writes whole.
const SECTOR: usize = 512;

/// The disk.
#[derive(Debug, Default)]
pub struct Disk {
    files: BTreeMap<u64, File>,
    names: BTreeMap<String, u64>,
    safe_names: BTreeMap<String, u64>,
    last: u64,
    /// Writes and syncs until the power goes; none: it stays.
    left: Option<u64>,
    off: bool,
}

#[derive(Debug, Default)]
struct File {
    now: Vec<u8>,
    safe: Vec<u8>,
    /// What was done since `safe`.
    since: Vec<Change>,
}

#[derive(Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Resize(usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Resize(length) => bytes.resize(*length, 0),
            Self::Write(at, data) => put(bytes, *at, data),
        }
    }
}

fn put(bytes: &mut Vec<u8>, at: usize, data: &[u8]) {
    if bytes.len() < at + data.len() {
        bytes.resize(at + data.len(), 0);
    }
    bytes[at..at + data.len()].copy_from_slice(data);
}

/// The power is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Off;

impl Disk {
    /// A disk that holds these files safely. The power goes after `left` writes and syncs.
    pub fn new(files: impl IntoIterator<Item = (String, Vec<u8>)>, left: Option<u64>) -> Self {
        let mut disk = Self {
            left,
            ..Self::default()
        };
        for (name, content) in files {
            disk.last += 1;
            disk.files.insert(
                disk.last,
                File {
                    now: content.clone(),
                    safe: content,
                    since: Vec::new(),
                },
            );
            disk.names.insert(name.clone(), disk.last);
            disk.safe_names.insert(name, disk.last);
        }
        disk
    }

    /// Whether the power is still there, after one more write or sync.
    fn step(&mut self) -> Result<(), Off> {
        if let Some(left) = &mut self.left {
            match left.checked_sub(1) {
                Some(less) => *left = less,
                None => self.off = true,
            }
        }
        if self.off { Err(Off) } else { Ok(()) }
    }

    /// Whether the power is off.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.off
    }

    /// Names and file numbers, sorted.
    pub fn list(&self) -> impl Iterator<Item = (&str, u64)> {
        self.names.iter().map(|(name, file)| (name.as_str(), *file))
    }

    /// The file of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<u64> {
        self.names.get(name).copied()
    }

    /// The content of a file, also of one that has no name any more.
    #[must_use]
    pub fn content(&self, file: u64) -> Option<&[u8]> {
        self.files.get(&file).map(|file| file.now.as_slice())
    }

    /// Makes a file, or finds the one of this name.
    pub fn create(&mut self, name: &str) -> Result<u64, Off> {
        self.step()?;
        if let Some(file) = self.find(name) {
            return Ok(file);
        }
        self.last += 1;
        self.files.insert(self.last, File::default());
        self.names.insert(name.to_owned(), self.last);
        Ok(self.last)
    }

    /// Takes a name away; tells whether there was one. Open files stay.
    pub fn remove(&mut self, name: &str) -> Result<bool, Off> {
        self.step()?;
        Ok(self.names.remove(name).is_some())
    }

    /// Writes.
    pub fn write(&mut self, file: u64, at: usize, data: &[u8]) -> Result<(), Off> {
        self.change(file, Change::Write(at, data.to_vec()))
    }

    /// Cuts a file or fills it with zeros.
    pub fn resize(&mut self, file: u64, length: usize) -> Result<(), Off> {
        self.change(file, Change::Resize(length))
    }

    fn change(&mut self, file: u64, change: Change) -> Result<(), Off> {
        self.step()?;
        if let Some(file) = self.files.get_mut(&file) {
            change.apply(&mut file.now);
            file.since.push(change);
        }
        Ok(())
    }

    /// Makes a file and its names safe.
    pub fn sync(&mut self, number: u64) -> Result<(), Off> {
        self.step()?;
        if let Some(file) = self.files.get_mut(&number) {
            file.safe.clone_from(&file.now);
            file.since.clear();
        }
        for (name, file) in &self.names {
            if *file == number {
                self.safe_names.insert(name.clone(), number);
            }
        }
        Ok(())
    }

    /// Makes all names safe.
    pub fn sync_folder(&mut self) -> Result<(), Off> {
        self.step()?;
        self.safe_names.clone_from(&self.names);
        Ok(())
    }

    /// What is there when the power is back.
    pub fn after_the_cut(&self, chance: &mut Chance) -> BTreeMap<String, Vec<u8>> {
        let mut names = self.safe_names.clone();
        for name in self.names.keys().chain(self.safe_names.keys()) {
            let (now, safe) = (self.names.get(name), self.safe_names.get(name));
            if now != safe && chance.once_in(2) {
                match now {
                    Some(file) => names.insert(name.clone(), *file),
                    None => names.remove(name),
                };
            }
        }
        names
            .into_iter()
            .filter_map(|(name, file)| Some((name, survivor(self.files.get(&file)?, chance))))
            .collect()
    }
}

fn survivor(file: &File, chance: &mut Chance) -> Vec<u8> {
    let mut bytes = file.safe.clone();
    for change in &file.since {
        match (chance.below(4), change) {
            (0, _) => {}
            (1, Change::Write(at, data)) => {
                // Torn: each sector by itself reached the disk, or did not.
                for (number, sector) in data.chunks(SECTOR).enumerate() {
                    if chance.once_in(2) {
                        put(&mut bytes, at + number * SECTOR, sector);
                    }
                }
            }
            _ => change.apply(&mut bytes),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cuts(disk: &Disk) -> Vec<BTreeMap<String, Vec<u8>>> {
        (0..64)
            .map(|seed| disk.after_the_cut(&mut Chance::new(seed)))
            .collect()
    }

    #[test]
    fn what_was_synced_is_there_after_every_cut() {
        let mut disk = Disk::default();
        let file = disk.create("a").unwrap();
        disk.write(file, 0, b"kept").unwrap();
        disk.sync(file).unwrap();
        disk.write(file, 0, b"lost").unwrap();
        assert_eq!(disk.content(file).unwrap(), b"lost");
        let found: Vec<Vec<u8>> = cuts(&disk)
            .into_iter()
            .map(|mut all| all.remove("a").unwrap())
            .collect();
        assert!(found.iter().any(|content| content == b"kept"));
        assert!(found.iter().any(|content| content == b"lost"));
    }

    #[test]
    fn a_write_may_be_torn_between_sectors() {
        let mut disk = Disk::new([("a".to_owned(), vec![0; 2 * SECTOR])], None);
        let file = disk.find("a").unwrap();
        disk.write(file, 0, &[1; 2 * SECTOR]).unwrap();
        assert!(
            cuts(&disk)
                .iter()
                .any(|all| all["a"][0] != all["a"][SECTOR])
        );
    }

    #[test]
    fn names_that_nobody_synced_may_be_forgotten() {
        let mut disk = Disk::new([("old".to_owned(), Vec::new())], None);
        disk.create("new").unwrap();
        disk.remove("old").unwrap();
        let found = cuts(&disk);
        assert!(found.iter().any(|all| !all.contains_key("new")));
        assert!(found.iter().any(|all| all.contains_key("old")));
        disk.sync_folder().unwrap();
        assert!(
            cuts(&disk)
                .iter()
                .all(|all| all.contains_key("new") && !all.contains_key("old"))
        );
    }

    #[test]
    fn nothing_is_written_without_power() {
        let mut disk = Disk::new([("a".to_owned(), Vec::new())], Some(2));
        let file = disk.find("a").unwrap();
        disk.write(file, 0, b"1").unwrap();
        disk.sync(file).unwrap();
        assert_eq!(disk.write(file, 0, b"2"), Err(Off));
        assert_eq!(disk.sync(file), Err(Off));
        assert!(cuts(&disk).iter().all(|all| all["a"] == b"1"));
    }
}
