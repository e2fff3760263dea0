//! `faults-disk MOUNTPOINT IMAGE SEED AFTER`: a file system in a process of its own. It begins
//! with the files of the folder IMAGE and loses its power after so many writes and syncs. When
//! its standard input ends, the files that outlived the cut are put into IMAGE, and it is gone.

#![expect(clippy::print_stdout, reason = "whoever started it waits for its word")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use faults::chance::Chance;
use faults::disk::{Disk, Off};
use fuser::{
    AccessFlags, BsdFileFlags, Config, Errno, FileAttr, FileHandle, FileType, Filesystem,
    FopenFlags, Generation, INodeNo, LockOwner, MountOption, OpenFlags, ReplyAttr, ReplyCreate,
    ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, Request, Session,
    TimeOrNow, WriteFlags,
};

/// The kernel asks anew each time: files change their size under it.
const AT_ONCE: Duration = Duration::ZERO;

/// Numbers of files begin after the folder's.
const FIRST: u64 = 1;

#[derive(Clone)]
struct Mounted(Arc<Mutex<Disk>>);

impl Mounted {
    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn facts(&self, inode: INodeNo) -> Option<FileAttr> {
        if inode == INodeNo::ROOT {
            return Some(facts(inode, FileType::Directory, 0));
        }
        let length = self.disk().content(file_of(inode))?.len();
        Some(facts(inode, FileType::RegularFile, length as u64))
    }
}

fn file_of(inode: INodeNo) -> u64 {
    u64::from(inode) - FIRST
}

fn inode_of(file: u64) -> INodeNo {
    INodeNo(file + FIRST)
}

fn facts(ino: INodeNo, kind: FileType, size: u64) -> FileAttr {
    let never = SystemTime::UNIX_EPOCH;
    FileAttr {
        ino,
        size,
        blocks: size.div_ceil(512),
        atime: never,
        mtime: never,
        ctime: never,
        crtime: never,
        kind,
        perm: if kind == FileType::Directory {
            0o700
        } else {
            0o600
        },
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}

fn done(reply: ReplyEmpty, outcome: Result<(), Off>) {
    match outcome {
        Ok(()) => reply.ok(),
        Err(Off) => reply.error(Errno::EIO),
    }
}

impl Filesystem for Mounted {
    fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let found = name.to_str().and_then(|name| self.disk().find(name));
        match found.and_then(|file| self.facts(inode_of(file))) {
            Some(facts) => reply.entry(&AT_ONCE, &facts, Generation(0)),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.facts(inode) {
            Some(facts) => reply.attr(&AT_ONCE, &facts),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        inode: INodeNo,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        if let Some(size) = size
            && self.disk().resize(file_of(inode), size as usize).is_err()
        {
            return reply.error(Errno::EIO);
        }
        match self.facts(inode) {
            Some(facts) => reply.attr(&AT_ONCE, &facts),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn create(
        &self,
        _: &Request,
        _: INodeNo,
        name: &OsStr,
        _: u32,
        _: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        let made = self.disk().create(&name.to_string_lossy());
        match made {
            Ok(file) => {
                let facts = facts(inode_of(file), FileType::RegularFile, 0);
                reply.created(
                    &AT_ONCE,
                    &facts,
                    Generation(0),
                    FileHandle(file),
                    FopenFlags::empty(),
                );
            }
            Err(Off) => reply.error(Errno::EIO),
        }
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::empty());
    }

    fn read(
        &self,
        _: &Request,
        inode: INodeNo,
        _: FileHandle,
        at: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let disk = self.disk();
        if disk.is_off() {
            return reply.error(Errno::EIO);
        }
        let content = disk.content(file_of(inode)).unwrap_or_default();
        let from = content.len().min(at as usize);
        let to = content.len().min(from + size as usize);
        reply.data(&content[from..to]);
    }

    fn write(
        &self,
        _: &Request,
        inode: INodeNo,
        _: FileHandle,
        at: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let written = self.disk().write(file_of(inode), at as usize, data);
        match written {
            Ok(()) => reply.written(data.len() as u32),
            Err(Off) => reply.error(Errno::EIO),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, inode: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        let synced = self.disk().sync(file_of(inode));
        done(reply, synced);
    }

    fn fsyncdir(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        let synced = self.disk().sync_folder();
        done(reply, synced);
    }

    fn unlink(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let removed = self.disk().remove(&name.to_string_lossy());
        match removed {
            Ok(true) => reply.ok(),
            Ok(false) => reply.error(Errno::ENOENT),
            Err(Off) => reply.error(Errno::EIO),
        }
    }

    fn readdir(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let disk = self.disk();
        for (number, (name, file)) in disk.list().enumerate().skip(offset as usize) {
            if reply.add(
                inode_of(file),
                number as u64 + 1,
                FileType::RegularFile,
                name,
            ) {
                break;
            }
        }
        reply.ok();
    }

    fn access(&self, _: &Request, _: INodeNo, _: AccessFlags, reply: ReplyEmpty) {
        reply.ok();
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [mountpoint, image, seed, after] = words.as_slice() else {
        eprintln!("faults-disk MOUNTPOINT IMAGE SEED AFTER");
        return ExitCode::FAILURE;
    };
    let (Ok(seed), Ok(after)) = (seed.parse(), after.parse()) else {
        eprintln!("SEED and AFTER are numbers");
        return ExitCode::FAILURE;
    };
    match run(mountpoint, Path::new(image), seed, after) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("refused: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(mountpoint: &str, image: &Path, seed: u64, after: u64) -> std::io::Result<()> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(image)? {
        let path = entry?.path();
        files.push((name_of(&path), std::fs::read(&path)?));
    }
    let mounted = Mounted(Arc::new(Mutex::new(Disk::new(files, Some(after)))));
    let mut config = Config::default();
    config.mount_options = vec![MountOption::FSName("rounds-faults".to_owned())];
    // A page that is written back while somebody waits for a sync must not wait in one line.
    config.n_threads = Some(4);
    let session = Session::new(mounted.clone(), mountpoint, &config)?.spawn()?;
    println!("mounted");
    // Whoever started this keeps the other end; it ends however they end.
    let mut rest = Vec::new();
    std::io::stdin().read_to_end(&mut rest)?;
    let left = mounted.disk().after_the_cut(&mut Chance::new(seed));
    // What the kernel still holds goes nowhere: the image is made.
    session.umount_and_join()?;
    replace(image, &left)
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn replace(image: &Path, files: &BTreeMap<String, Vec<u8>>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(image)? {
        std::fs::remove_file(entry?.path())?;
    }
    for (name, content) in files {
        let path: PathBuf = image.join(name);
        std::fs::write(path, content)?;
    }
    Ok(())
}
