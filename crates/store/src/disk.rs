//! The few things the audit log asks of a disk, so that a test can be a disk that fills up or dies.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;

/// Owner only: the log names calls, queues and agents.
const FILE_MODE: u32 = 0o600;
const DIR_MODE: u32 = 0o700;

/// A file that only grows.
pub trait AppendFile: Send {
    /// Appends all of the bytes, or some of them and an error.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Returns when everything appended survives a power cut (`fdatasync`).
    fn sync(&mut self) -> io::Result<()>;
}

/// Where the log is written.
pub trait Disk: Send + Sync {
    /// An empty file in place of whatever was there; its name is durable when this returns.
    fn create(&self, path: &Path) -> io::Result<Box<dyn AppendFile>>;
    /// Puts whole files in place, durable when this returns. After a crash each is either the old one
    /// or the new one.
    fn replace(&self, files: &[(PathBuf, Vec<u8>)]) -> io::Result<()>;
    /// Removes a file that is no longer needed.
    fn remove(&self, path: &Path) -> io::Result<()>;
}

/// The disk of this machine.
#[derive(Clone, Copy, Debug)]
pub struct LocalDisk;

struct LocalFile(File);

impl AppendFile for LocalFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}

impl Disk for LocalDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        let file = create_private(path)?;
        file.sync_all()?;
        sync_parent(path)?;
        Ok(Box::new(LocalFile(file)))
    }

    fn replace(&self, files: &[(PathBuf, Vec<u8>)]) -> io::Result<()> {
        // All written before any is waited for: the file system then commits them together.
        let mut written = Vec::with_capacity(files.len());
        for (path, bytes) in files {
            if let Some(parent) = path.parent() {
                create_private_dir(parent)?;
            }
            let temporary = temporary_name(path);
            let mut file = create_private(&temporary)?;
            file.write_all(bytes)?;
            written.push((file, temporary, path));
        }
        let opened: Vec<&File> = written.iter().map(|(file, _, _)| file).collect();
        sync_together(&opened)?;
        let mut folders: Vec<&Path> = Vec::new();
        for (_, temporary, path) in &written {
            fs::rename(temporary, path)?;
            if let Some(parent) = path.parent().filter(|parent| !folders.contains(parent)) {
                folders.push(parent);
            }
        }
        folders.into_iter().try_for_each(sync_dir)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Files waited for at once: the file system makes one journal commit of all that wait for one.
const SYNCS_AT_ONCE: usize = 8;

fn sync_together(files: &[&File]) -> io::Result<()> {
    let [_, _, ..] = files else { return files.iter().try_for_each(|file| file.sync_all()) };
    let share = files.len().div_ceil(SYNCS_AT_ONCE);
    thread::scope(|scope| {
        let waits: Vec<_> = files
            .chunks(share)
            .map(|files| scope.spawn(move || files.iter().try_for_each(|file| file.sync_all())))
            .collect();
        let failed = || io::Error::other("a thread that waited for the disk failed");
        waits.into_iter().try_for_each(|wait| wait.join().unwrap_or_else(|_| Err(failed())))
    })
}

/// `…/067` is written as `…/067.tmp`, `checkpoint` as `checkpoint.tmp`; no file of the log is called so.
fn temporary_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    PathBuf::from(name)
}

pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(path)
}

/// Creates a folder and those above it, each durable in the one above.
pub(crate) fn create_private_dir(dir: &Path) -> io::Result<()> {
    if dir.as_os_str().is_empty() || dir.is_dir() {
        return Ok(());
    }
    if let Some(parent) = dir.parent() {
        create_private_dir(parent)?;
    }
    match DirBuilder::new().mode(DIR_MODE).create(dir) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    sync_parent(dir)
}

fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => sync_dir(Path::new(".")),
        Some(parent) => sync_dir(parent),
        None => Ok(()),
    }
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// What a person can do about a disk that refuses, to end an error message with.
pub(crate) fn next_step(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "the disk is full: free space or move the folder to a larger disk (`df -h` names the full one)"
        }
        ErrorKind::ReadOnlyFilesystem => {
            "the disk became read-only, usually after an error: see `dmesg`, repair, mount again"
        }
        ErrorKind::PermissionDenied => {
            "the user careline runs as needs to own the folder (`ls -ld` shows who does)"
        }
        ErrorKind::NotFound => "the folder or file does not exist: check the configured path",
        _ => "see `dmesg` for what the disk reported",
    }
}
