//! The file that the stand-in's state is kept in: a journal of JSON lines.
//!
//! Each change is one line, written whole before it is answered; a line that a kill cut short is
//! dropped at the next start. The start rewrites the file beside the old one and renames it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::Duration;

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::failure::Refusal;
use super::members::Member;
use super::schema::Resource;
use super::service::Service;
use super::store::Store;

/// The longest line that is read back: a group with a million members fits.
const MAX_LINE: u64 = 256 << 20;

/// One change, as it is written down.
pub(super) enum Record<'r> {
    Put {
        resource: Resource,
        id: &'r str,
        seq: u64,
        version: u64,
        doc: &'r Map<String, Value>,
        members: &'r [Member],
    },
    Members {
        id: &'r str,
        doc: &'r Map<String, Value>,
        add: &'r [Member],
        remove: &'r [String],
    },
    Gone {
        resource: Resource,
        id: &'r str,
    },
    /// The switch, the list of locally deleted users, the place of the next resource.
    State {
        propagate: bool,
        deleted: Vec<String>,
        next_seq: u64,
    },
}

impl Record<'_> {
    /// Returns the record of what is not a resource.
    pub(super) fn state(store: &Store) -> Self {
        Self::State {
            propagate: store.propagate,
            deleted: store.deleted_locally.iter().cloned().collect(),
            next_seq: store.next_seq,
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Put { resource, id, seq, version, doc, members } => json!({
                "put": resource.name(), "id": id, "seq": seq, "version": version, "doc": doc,
                "members": members.iter().map(Member::to_json).collect::<Vec<_>>(),
            }),
            Self::Members { id, doc, add, remove } => json!({
                "members": id, "doc": doc, "remove": remove,
                "add": add.iter().map(Member::to_json).collect::<Vec<_>>(),
            }),
            Self::Gone { resource, id } => json!({"gone": resource.name(), "id": id}),
            Self::State { propagate, deleted, next_seq } => {
                json!({"propagate": propagate, "deleted": deleted, "next": next_seq})
            }
        }
    }
}

/// The open file.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
}

impl Journal {
    /// Opens the file, made where it is missing, and returns what it holds.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Store)> {
        let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        lock_file(&file, path)?;
        let store = load(&file, path)?;
        let mut fresh = path.as_os_str().to_owned();
        fresh.push(".new");
        let fresh = PathBuf::from(fresh);
        let mut new = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&fresh)?;
        lock_file(&new, &fresh)?;
        snapshot(&mut new, &store)?;
        std::fs::rename(&fresh, path)?;
        Ok((Self { file: new }, store))
    }

    fn append(&mut self, record: &Record<'_>) -> io::Result<()> {
        let mut line = record.to_json().to_string();
        line.push('\n');
        self.file.write_all(line.as_bytes())
    }
}

impl Service {
    /// Lets the resources of a file name the address that is served now.
    pub(super) fn rebase(&self) {
        let mut store = self.write();
        for resource in [Resource::User, Resource::Group] {
            let moved: Vec<_> = store
                .of(resource)
                .iter()
                .map(|(id, entry)| {
                    let mut doc = entry.doc();
                    if let Some(Value::Object(meta)) = doc.get_mut("meta") {
                        meta.insert("location".into(), self.location(resource, id).into());
                    }
                    (id.to_owned(), entry.seq, entry.version, doc)
                })
                .collect();
            for (id, seq, version, doc) in moved {
                store.of_mut(resource).put(&id, seq, version, &doc);
            }
        }
    }

    /// Writes a change down before it is made; a change that cannot be kept is refused.
    pub(super) fn record(&self, record: &Record<'_>) -> Result<(), Refusal> {
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        match journal.as_mut().map(|journal| journal.append(record)) {
            None | Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(Refusal::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                format!("the data file cannot be written: {error}"),
            )),
        }
    }
}

/// How often, and how long in between, a file is tried that somebody has: who has just ended may hold it for a moment, as may a
/// process that is being started and has not yet closed what it inherited.
const TRIES: u32 = 25;
const BETWEEN: Duration = Duration::from_millis(20);

fn lock_file(file: &File, path: &Path) -> io::Result<()> {
    for attempt in 0..TRIES {
        if attempt > 0 {
            std::thread::sleep(BETWEEN);
        }
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    let message = format!("`{}` is in use by another stand-in", path.display());
    Err(io::Error::new(io::ErrorKind::ResourceBusy, message))
}

fn load(file: &File, path: &Path) -> io::Result<Store> {
    let mut store = Store::default();
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = io::Read::take(&mut reader, MAX_LINE).read_until(b'\n', &mut line)?;
        // A line without an end was cut by a kill, before anybody was told that it is kept.
        if read == 0 || line.last() != Some(&b'\n') {
            break;
        }
        let applied = serde_json::from_slice(&line).ok().and_then(|record: Value| apply(&mut store, &record));
        if applied.is_none() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("`{}` line {number} is not of this program", path.display()),
            ));
        }
    }
    Ok(store)
}

fn resource(name: &str) -> Option<Resource> {
    [Resource::User, Resource::Group].into_iter().find(|resource| resource.name() == name)
}

fn apply(store: &mut Store, record: &Value) -> Option<()> {
    let text = |name: &str| record.get(name).and_then(Value::as_str);
    let members = |name: &str| {
        let items = record.get(name).and_then(Value::as_array);
        items.into_iter().flatten().filter_map(Member::from_json).collect::<Vec<_>>()
    };
    if let Some(kind) = text("put") {
        let (resource, id) = (resource(kind)?, text("id")?);
        let seq = record.get("seq")?.as_u64()?;
        let version = record.get("version")?.as_u64()?;
        let doc = record.get("doc")?.as_object()?;
        store.of_mut(resource).put(id, seq, version, doc);
        store.next_seq = store.next_seq.max(seq.checked_add(1)?);
        if resource == Resource::Group {
            store.set_members(id, members("members"), false);
        }
    } else if let Some(id) = text("members") {
        let entry = store.groups.get(id)?;
        let (seq, version) = (entry.seq, entry.version + 1);
        let doc = record.get("doc")?.as_object()?;
        store.groups.put(id, seq, version, doc);
        for member in members("add") {
            store.add_member(id, member, false);
        }
        for gone in record.get("remove")?.as_array()? {
            store.remove_member(id, gone.as_str()?);
        }
    } else if let Some(kind) = text("gone") {
        store.remove(resource(kind)?, text("id")?);
    } else {
        store.propagate = record.get("propagate")?.as_bool()?;
        // An id is never given out twice, also when its resource is gone.
        store.next_seq = store.next_seq.max(record.get("next")?.as_u64()?);
        let deleted = record.get("deleted")?.as_array()?;
        store.deleted_locally = deleted.iter().map(|name| name.as_str().map(Into::into)).collect::<Option<_>>()?;
    }
    Some(())
}

/// Writes the whole state as the beginning of a new journal.
fn snapshot(file: &mut File, store: &Store) -> io::Result<()> {
    let mut out = io::BufWriter::new(&mut *file);
    writeln!(out, "{}", Record::state(store).to_json())?;
    for resource in [Resource::User, Resource::Group] {
        for (id, entry) in store.of(resource).iter() {
            let members: Vec<Member> = entry.members.iter().cloned().collect();
            let put = Record::Put {
                resource,
                id,
                seq: entry.seq,
                version: entry.version,
                doc: &entry.doc(),
                members: &members,
            };
            writeln!(out, "{}", put.to_json())?;
        }
    }
    out.flush()?;
    drop(out);
    file.sync_all()
}
