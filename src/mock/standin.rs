//! Starting the stand-in, and the handle on one that runs.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::defect::Defect;
use super::failure::Refusal;
use super::fault::{Fault, Faults};
use super::http_server::{RequestLog, Shell, serve};
use super::journal::Journal;
use super::profile::Profile;
use super::schema::Resource;
use super::service::{Clock, Service};
use super::store::Store;
use super::token::OAuth;

/// How a stand-in behaves.
#[derive(Clone)]
pub struct Options {
    /// What kind of target it is.
    pub profile: Profile,
    /// The bearer token; with neither a token nor a client everybody may ask.
    pub token: Option<String>,
    /// The client of the token endpoint.
    pub oauth: Option<OAuth>,
    /// The file that keeps the state; `None` keeps it in memory.
    pub data: Option<PathBuf>,
    /// The wait before each answer.
    pub latency: Duration,
    /// What it does wrong.
    pub defects: Vec<Defect>,
    /// What goes wrong around it.
    pub faults: Vec<Fault>,
    /// The seed of ids and of faults by chance.
    pub seed: u64,
    /// Where requests are logged.
    pub log: RequestLog,
    /// The time, for `meta` and for the validity of tokens.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            profile: Profile::default(),
            token: None,
            oauth: None,
            data: None,
            latency: Duration::ZERO,
            defects: Vec::new(),
            faults: Vec::new(),
            seed: 0,
            log: RequestLog::default(),
            clock: Arc::new(jiff::Timestamp::now),
        }
    }
}

impl Service {
    /// Makes a stand-in without a socket; `base` is the URL that its answers name.
    pub fn open(options: &Options, base: impl Into<String>) -> io::Result<Self> {
        let (journal, store) = match &options.data {
            Some(path) => {
                let (journal, store) = Journal::open(path)?;
                (Some(journal), store)
            }
            None => (None, Store::default()),
        };
        let service = Self::new(options, base.into(), store, journal);
        service.rebase();
        Ok(service)
    }

    /// Returns every user, in the order of creation.
    pub fn users(&self) -> Vec<Value> {
        self.all(Resource::User)
    }

    /// Returns every group with its members, in the order of creation.
    pub fn groups(&self) -> Vec<Value> {
        self.all(Resource::Group)
    }

    /// Puts a user in from outside SCIM; it keeps its `id` if it has one.
    pub fn create_user(&self, user: &Value) -> Result<Value, Refusal> {
        self.seed(Resource::User, user)
    }

    /// Puts a group in from outside SCIM; it keeps its `id` if it has one.
    pub fn create_group(&self, group: &Value) -> Result<Value, Refusal> {
        self.seed(Resource::Group, group)
    }
}

/// A stand-in that runs; it ends when this is dropped.
pub struct Standin {
    address: SocketAddr,
    shell: Arc<Shell>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<io::Result<()>>,
}

impl Standin {
    /// Returns the address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the tenant URL to configure.
    pub fn url(&self) -> String {
        tenant_url(self.address)
    }

    /// Returns the service behind the socket.
    pub fn service(&self) -> &Service {
        &self.shell.service
    }

    /// Returns every user, in the order of creation.
    pub fn users(&self) -> Vec<Value> {
        self.service().users()
    }

    /// Returns every group with its members, in the order of creation.
    pub fn groups(&self) -> Vec<Value> {
        self.service().groups()
    }

    /// Returns how many SCIM requests came in.
    pub fn request_count(&self) -> u64 {
        self.service().counts().values().sum()
    }

    /// Returns how many SCIM requests came in by method.
    pub fn requests_by_method(&self) -> BTreeMap<String, u64> {
        self.service().counts().clone()
    }

    /// Puts a user in from outside SCIM; it keeps its `id` if it has one.
    pub fn create_user(&self, user: &Value) -> Result<Value, Refusal> {
        self.service().create_user(user)
    }

    /// Puts a group in from outside SCIM; it keeps its `id` if it has one.
    pub fn create_group(&self, group: &Value) -> Result<Value, Refusal> {
        self.service().create_group(group)
    }

    /// Replaces the attributes of a user, as an administrator would by hand.
    pub fn update_user(&self, id: &str, attributes: Map<String, Value>) -> Result<Value, Refusal> {
        self.service().overwrite(Resource::User, id, attributes)
    }

    /// Deletes a user as an administrator does in Kintone; says whether it was there.
    pub fn delete_locally(&self, user_name: &str) -> Result<bool, Refusal> {
        self.service().delete_locally(user_name)
    }

    /// Turns Propagate Provisioning off or on (wire.md 20.1).
    pub fn set_propagate(&self, on: bool) -> Result<(), Refusal> {
        self.service().set_propagate(on)
    }

    /// Adds a token; its validity may end.
    pub fn add_token(&self, token: &str, until: Option<jiff::Timestamp>) {
        self.service().tokens.add(token, until);
    }

    /// Ends the validity of every token; says how many there were.
    pub fn expire_tokens(&self) -> usize {
        self.service().tokens.expire_all()
    }

    /// Stops listening and waits for what is under way, half a second at most.
    pub async fn shutdown(mut self) {
        if let Some(stop) = self.stop.take() {
            // The server may have ended by itself; then there is nobody to tell.
            stop.send(()).ok();
        }
        (&mut self.task).await.ok();
    }
}

impl Drop for Standin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn tenant_url(address: SocketAddr) -> String {
    format!("http://{address}/scim/v2")
}

async fn open(listen: SocketAddr, options: &Options) -> io::Result<(TcpListener, Arc<Shell>)> {
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let shell = Shell {
        service: Service::open(options, tenant_url(address))?,
        faults: Faults::new(&options.faults, options.seed),
        latency: options.latency,
        log: options.log.clone(),
        drops: options.defects.contains(&Defect::TlsDrop),
    };
    Ok((listener, Arc::new(shell)))
}

/// Starts a stand-in in the background; port 0 takes a free one.
pub async fn start(listen: SocketAddr, options: Options) -> io::Result<Standin> {
    let (listener, shell) = open(listen, &options).await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let until = async {
        // A handle that is dropped aborts the task; either way this ends.
        stopped.await.ok();
    };
    let task = tokio::spawn(serve(listener, shell.clone(), until));
    Ok(Standin { address, shell, stop: Some(stop), task })
}

/// Runs a stand-in until `until` is done; `ready` learns the tenant URL once it listens.
pub async fn run(
    listen: SocketAddr,
    options: Options,
    ready: impl FnOnce(SocketAddr, &str),
    until: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (listener, shell) = open(listen, &options).await?;
    let address = listener.local_addr()?;
    ready(address, &tenant_url(address));
    serve(listener, shell, until).await
}
