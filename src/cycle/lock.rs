//! One cycle of a job at a time, over all processes (D-16).

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Held while a cycle of a job runs. The system gives it up when the process ends, however it ends.
#[derive(Debug)]
pub struct CycleLock {
    _file: File,
}

/// Why the lock was not got.
#[derive(Debug)]
pub enum Busy {
    /// A cycle runs; the text says where, if it could be read.
    Running(String),
    Failed(PathBuf, std::io::Error),
}

impl CycleLock {
    /// Takes the lock of `job` beside the state file, without waiting.
    pub fn take(state: &Path, job: &str) -> Result<Self, Busy> {
        let path = path(state, job);
        let failed = |error| Busy::Failed(path.clone(), error);
        let mut file =
            File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        match lock(&file) {
            Ok(()) => {
                // What is written only helps a person; the lock itself is the system's.
                let note = format!("process {}", std::process::id());
                let written =
                    file.rewind().and_then(|()| file.set_len(0)).and_then(|()| file.write_all(note.as_bytes()));
                written.map_err(failed)?;
                Ok(Self { _file: file })
            }
            Err(TryLockError::WouldBlock) => {
                let mut note = String::new();
                // The holder may be writing its note just now; then there is none to show.
                let read = (&mut file).take(200).read_to_string(&mut note);
                Err(Busy::Running(if read.is_ok() { note } else { String::new() }))
            }
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// Whether a cycle of the job runs in any process.
    pub fn is_held(state: &Path, job: &str) -> bool {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path(state, job));
        file.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    }
}

/// Somebody who only looks whether a cycle runs holds the lock for an instant: that is waited for.
fn lock(file: &File) -> Result<(), TryLockError> {
    for _ in 0..5 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
            other => return other,
        }
    }
    file.try_lock()
}

/// A job's name may hold what a file name may not.
fn path(state: &Path, job: &str) -> PathBuf {
    let safe: String = job.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    let digest = blake3::hash(job.as_bytes()).to_hex();
    let mut name = state.as_os_str().to_owned();
    name.push(format!(".{safe}-{}.lock", &digest[..8]));
    PathBuf::from(name)
}
