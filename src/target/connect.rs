//! Connections: TLS, private authorities, client certificates and proxies (wire.md 3).

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use secrecy::ExposeSecret;
use tokio::net::TcpStream;
use tower_service::Service;

use super::settings::{Proxy, Settings, SetupFault};

/// Targets commonly close idle connections after half a minute or more; a write on a closed one has an unknown fate.
pub(super) const IDLE: Duration = Duration::from_secs(20);
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Builds the way to the target, with TLS where the URL asks for it.
pub(super) fn connector(settings: &Settings, tls: ClientConfig) -> Result<HttpsConnector<Route>, SetupFault> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let route = Route { tcp, proxies: Arc::new(matcher(&settings.proxy)?) };
    let builder = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    Ok(builder.enable_all_versions().wrap_connector(route))
}

fn matcher(proxy: &Proxy) -> Result<Matcher, SetupFault> {
    match proxy {
        Proxy::Environment => Ok(Matcher::from_env()),
        Proxy::None => Ok(Matcher::builder().build()),
        Proxy::Url(url) => match url.parse::<Uri>() {
            Ok(uri) if uri.scheme_str() == Some("http") && uri.host().is_some() => {
                Ok(Matcher::builder().all(url.as_str()).build())
            }
            _ => Err(SetupFault::new(
                "the proxy is no `http://` URL",
                "write it like `proxy: http://proxy.example.com:3128`, or `none`, or `environment`",
            )),
        },
    }
}

/// Makes the TLS settings: 1.2 or newer, public authorities of the system and private ones.
pub(super) fn tls(settings: &Settings, encrypted: bool) -> Result<ClientConfig, SetupFault> {
    let mut roots = RootCertStore::empty();
    if encrypted {
        // An authority of the system that cannot be read is only missed where a server needs it.
        let system = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(system.certs);
    }
    if let Some(pem) = &settings.ca {
        for certificate in certificates(pem, "`ca_file`")? {
            roots.add(certificate).map_err(|error| {
                SetupFault::new(
                    format!("a certificate in `ca_file` cannot be used: {error}"),
                    "give the certificate of the authority that signed the target's certificate",
                )
            })?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| SetupFault::new(format!("TLS cannot be set up: {error}"), "please report this"))?
        .with_root_certificates(roots);
    let Some(own) = &settings.client_certificate else { return Ok(builder.with_no_client_auth()) };
    let chain = certificates(&own.chain, "`client_certificate`")?;
    let key = PrivateKeyDer::from_pem_slice(own.key.expose_secret().as_bytes()).map_err(|_| {
        SetupFault::new("the key of `client_certificate` is no private key in PEM", "give an unencrypted PEM key")
    })?;
    builder.with_client_auth_cert(chain, key).map_err(|error| {
        SetupFault::new(
            format!("`client_certificate` cannot be used: {error}"),
            "give a certificate and the key that belongs to it",
        )
    })
}

fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, SetupFault> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    read.ok()
        .filter(|read| !read.is_empty())
        .ok_or_else(|| SetupFault::new(format!("{what} holds no certificate in PEM"), "give a PEM file"))
}

/// Opens TCP connections, directly or through a proxy.
#[derive(Clone)]
pub(super) struct Route {
    tcp: HttpConnector,
    proxies: Arc<Matcher>,
}

impl Service<Uri> for Route {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let proxy = self.proxies.intercept(&to);
        let mut tcp = self.tcp.clone();
        Box::pin(async move {
            let Some(proxy) = proxy else { return Ok(Stream { tcp: tcp.call(to).await?, absolute: false }) };
            if to.scheme_str() == Some("https") {
                let mut tunnel = Tunnel::new(proxy.uri().clone(), tcp);
                if let Some(auth) = proxy.basic_auth() {
                    tunnel = tunnel.with_auth(auth.clone());
                }
                return Ok(Stream { tcp: tunnel.call(to).await?, absolute: false });
            }
            Ok(Stream { tcp: tcp.call(proxy.uri().clone()).await?, absolute: true })
        })
    }
}

/// A TCP connection that knows whether requests on it name the whole URL, as a proxy wants.
pub(super) struct Stream {
    tcp: TokioIo<TcpStream>,
    absolute: bool,
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        self.tcp.connected().proxy(self.absolute)
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(context, buffer)
    }
}

impl Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write_vectored(context, bytes)
    }
}
