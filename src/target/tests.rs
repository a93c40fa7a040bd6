//! Exchanges over real sockets with servers that behave and servers that do not.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Auth, Client, Settings, Transport};
use crate::model::{ObjectKind, TargetId};
use crate::wire::{
    Answer, ClientAuth, ENTRA_LEGACY, FaultKind, Mode, OKTA_OIN, Options, Profile, Reading, Request, TenantUrl, Wire,
};

/// A server that answers each request with what `answer` gives for its number and text; it closes where that is empty.
struct Server {
    address: std::net::SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(answer: impl Fn(usize, &str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (answer, log) = (Arc::new(answer), Arc::clone(&seen));
        tokio::spawn(async move {
            let count = Arc::new(AtomicUsize::new(0));
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, log, count) = (Arc::clone(&answer), Arc::clone(&log), Arc::clone(&count));
                tokio::spawn(async move {
                    let mut stream = stream;
                    while let Some(request) = read_request(&mut stream).await {
                        log.lock().expect("no test panics with it").push(request.clone());
                        let bytes = answer(count.fetch_add(1, Ordering::SeqCst), &request);
                        if bytes.is_empty() || stream.write_all(&bytes).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { address, seen }
    }

    fn settings(&self) -> Settings {
        Settings {
            rate: None,
            timeout: Duration::from_secs(5),
            ..Settings::new(format!("http://{}/scim", self.address))
        }
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("no test panics with it").clone()
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(text);
            }
        }
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer).await {
            Ok(count) if count > 0 => bytes.extend_from_slice(&buffer[..count]),
            _ => return None,
        }
    }
}

fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn wire(dialect: &'static crate::wire::Dialect, mode: Mode) -> Wire {
    let reading = Reading { dialect: Some(dialect), ..Reading::default() };
    let url = TenantUrl::parse("https://app.example.com/scim", reading).expect("it is a URL");
    Wire::new(&url, Options::default(), Profile::Generic, mode)
}

fn read() -> Request {
    wire(&ENTRA_LEGACY, Mode::Provisioning).read(ObjectKind::User, &TargetId("u-1".into()))
}

fn write() -> Request {
    wire(&ENTRA_LEGACY, Mode::Provisioning).create(ObjectKind::User, &[], None)
}

async fn send(settings: &Settings, request: &Request) -> Answer {
    Client::new(settings).expect("the settings are right").send(request).await
}

fn kind(answer: Answer) -> FaultKind {
    answer.expect_err("it is a fault").kind
}

#[tokio::test]
async fn entra_sends_exactly_its_headers() {
    let server = Server::start(|_, _| answer("200 OK", "", "{}")).await;
    let settings = Settings { auth: Auth::Bearer(SecretString::from("s3cr3t")), ..server.settings() };
    send(&settings, &read()).await.expect("an answer");
    send(&settings, &write()).await.expect("an answer");
    let mut heads: Vec<Vec<String>> = Vec::new();
    for text in server.seen() {
        let head = text.split("\r\n\r\n").next().unwrap_or("").to_owned();
        let mut lines: Vec<String> = head.lines().map(str::to_owned).collect();
        lines[1..].sort();
        heads.push(lines);
    }
    let host = format!("host: {}", server.address);
    let agent = concat!("user-agent: scim-provisioner/", env!("CARGO_PKG_VERSION")).to_owned();
    let common = ["accept-encoding: gzip".to_owned(), "authorization: Bearer s3cr3t".to_owned()];
    let mut get = vec!["GET /scim/Users/u-1 HTTP/1.1".to_owned()];
    get.extend(common.clone());
    get.extend([host.clone(), agent.clone()]);
    assert_eq!(heads[0], get);
    let mut post = vec!["POST /scim/Users HTTP/1.1".to_owned()];
    post.extend(common);
    let length = heads[1].iter().find(|line| line.starts_with("content-length: ")).cloned().expect("it is sent");
    post.extend([length, "content-type: application/scim+json; charset=utf-8".to_owned(), host, agent]);
    assert_eq!(heads[1], post);
}

#[tokio::test]
async fn okta_in_stand_in_mode_shows_its_headers() {
    let server = Server::start(|_, _| answer("200 OK", "", "{}")).await;
    let request = wire(&OKTA_OIN, Mode::StandIn).read(ObjectKind::User, &TargetId("u-1".into()));
    send(&server.settings(), &request).await.expect("an answer");
    let seen = server.seen().remove(0);
    for line in [
        "accept: application/scim+json",
        "accept-charset: utf-8",
        "accept-encoding: gzip, deflate",
        "user-agent: Okta SCIM Client 1.0.0",
    ] {
        assert!(seen.contains(&format!("\r\n{line}\r\n")), "{line} in {seen}");
    }
}

#[tokio::test]
async fn answers_below_scim_are_handed_on() {
    for (status, text) in [("302 Found", "moved"), ("200 OK", "<!doctype html>"), ("500 Oops", "")] {
        let server =
            Server::start(move |_, _| answer(status, "Content-Type: text/html\r\nLocation: /login\r\n", text)).await;
        let response = send(&server.settings(), &read()).await.expect("an answer");
        assert_eq!(response.status.to_string(), status[..3]);
        assert_eq!((response.body, response.location), (text.as_bytes().to_vec(), Some("/login".to_owned())));
        assert_eq!(server.seen().len(), 1);
    }
}

#[tokio::test]
async fn nonsense_is_a_fault() {
    let cases: [(&[u8], FaultKind); 5] = [
        (b"SSH-2.0-OpenSSH_9.7\r\n\r\n", FaultKind::Protocol),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nnonsense\r\n", FaultKind::Closed),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n", FaultKind::TooLarge),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", FaultKind::Protocol),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd", FaultKind::Protocol),
    ];
    for (bytes, expected) in cases {
        let server = Server::start(move |_, _| bytes.to_vec()).await;
        let fault = send(&server.settings(), &write()).await.expect_err("a fault");
        assert_eq!(fault.kind, expected, "{}: {fault}", String::from_utf8_lossy(bytes));
    }
}

#[tokio::test]
async fn a_refused_connection_is_a_fault() {
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port is free").local_addr().expect("it is bound");
    let settings = Settings::new(format!("http://{free}/scim"));
    assert_eq!(kind(send(&settings, &write()).await), FaultKind::Connect);
    let settings = Settings::new("http://no-such-host.invalid/scim");
    assert_eq!(kind(send(&settings, &write()).await), FaultKind::Dns);
}

#[tokio::test]
async fn a_failed_handshake_is_told_from_a_failed_connection() {
    // A fatal alert, an end without a word, and something that is not TLS.
    for bytes in [&[21, 3, 3, 0, 2, 2, 40][..], b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(bytes).await;
            }
        });
        let settings = Settings::new(format!("https://{address}/scim"));
        let fault = send(&settings, &write()).await.expect_err("a fault");
        assert_eq!(fault.kind, FaultKind::Tls, "{fault}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_or_drips_times_out() {
    for drip in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let _ = read_request(&mut stream).await;
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").await;
                    while drip && stream.write_all(b"x").await.is_ok() {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    tokio::time::sleep(Duration::from_secs(60)).await;
                });
            }
        });
        let base = format!("http://{address}/scim");
        let settings = Settings { timeout: Duration::from_millis(300), ..Settings::new(base) };
        let begun = Instant::now();
        assert_eq!(kind(send(&settings, &read()).await), FaultKind::Timeout);
        assert!(begun.elapsed() < Duration::from_secs(3));
    }
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = read_request(&mut stream).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            let block = vec![b'x'; 1 << 16];
            for _ in 0..1600 {
                if stream.write_all(&block).await.is_err() {
                    break;
                }
                counter.fetch_add(block.len(), Ordering::SeqCst);
            }
        }
    });
    let settings = Settings { answer_limit: 1 << 20, ..Settings::new(format!("http://{address}/scim")) };
    assert_eq!(kind(send(&settings, &read()).await), FaultKind::TooLarge);
    assert!(sent.load(Ordering::SeqCst) < 32 << 20, "the server could send {sent:?} bytes");
}

#[tokio::test]
async fn a_small_packed_answer_that_unpacks_to_much_is_cut_off() {
    use std::io::Write;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(&vec![b' '; 50 << 20]).expect("memory takes it");
    let packed = packer.finish().expect("memory takes it");
    let server = Server::start(move |_, _| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", packed.len());
        [head.as_bytes(), &packed].concat()
    })
    .await;
    assert_eq!(kind(send(&server.settings(), &read()).await), FaultKind::TooLarge);
}

#[tokio::test]
async fn packed_answers_are_unpacked() {
    use std::io::Write;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"{\"a\":1}").expect("memory takes it");
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    zlib.write_all(b"{\"a\":1}").expect("memory takes it");
    let mut raw = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    raw.write_all(b"{\"a\":1}").expect("memory takes it");
    let packed = [("gzip", gzip.finish()), ("deflate", zlib.finish()), ("deflate", raw.finish())];
    for (coding, bytes) in packed {
        let bytes = bytes.expect("memory takes it");
        let server = Server::start(move |_, _| {
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n", bytes.len());
            [head.as_bytes(), &bytes].concat()
        })
        .await;
        assert_eq!(send(&server.settings(), &read()).await.expect("an answer").body, b"{\"a\":1}", "{coding}");
    }
}

#[tokio::test]
async fn only_reads_are_repeated_after_a_break() {
    let server = Server::start(|count, _| if count < 2 { Vec::new() } else { answer("200 OK", "", "{}") }).await;
    assert_eq!(send(&server.settings(), &read()).await.expect("an answer").status, 200);
    assert_eq!(server.seen().len(), 3);
    let server = Server::start(|_, _| Vec::new()).await;
    assert_eq!(kind(send(&server.settings(), &write()).await), FaultKind::Closed);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_refused_request_is_repeated_after_the_pause() {
    let server = Server::start(|count, _| match count {
        0 | 1 => answer("429 Too Many Requests", "Retry-After: 1\r\n", ""),
        _ => answer("201 Created", "", "{}"),
    })
    .await;
    let client = Client::new(&server.settings()).expect("the settings are right");
    let begun = Instant::now();
    assert_eq!(client.send(&write()).await.expect("an answer").status, 201);
    assert!(begun.elapsed() >= Duration::from_secs(2));
    assert_eq!((client.requests(), client.pace().concurrency), (3, 1));
    assert!(client.pace().rate.is_some());
}

#[tokio::test]
async fn refusals_end_after_five_repeats() {
    let server = Server::start(|_, _| answer("429 Too Many Requests", "Retry-After: 0\r\n", "slow down")).await;
    let settings = Settings { rate: NonZeroU32::new(1000), ..server.settings() };
    let response = send(&settings, &write()).await.expect("an answer");
    assert_eq!((response.status, server.seen().len()), (429, 6));
}

#[tokio::test]
async fn a_fixed_token_is_not_tried_twice_and_never_shown() {
    let server = Server::start(|_, _| answer("401 Unauthorized", "", "no such token: s3cr3t-value")).await;
    let settings = Settings { auth: Auth::Bearer(SecretString::from("s3cr3t-value")), ..server.settings() };
    let response = send(&settings, &read()).await.expect("an answer");
    assert_eq!((server.seen().len(), response.body.as_slice()), (1, &b"no such token: ***"[..]));
    assert!(!format!("{settings:?}").contains("s3cr3t-value"));
}

/// A token endpoint that numbers its tokens, slowly, and a target that accepts those `accepts` names.
async fn with_tokens(accepts: fn(&str) -> bool) -> (Server, Server) {
    let tokens = Server::start(|count, _| {
        std::thread::sleep(Duration::from_millis(20));
        let body = format!(r#"{{"access_token":"at-{count}","token_type":"Bearer","expires_in":"3600"}}"#);
        answer("200 OK", "Content-Type: application/json\r\n", &body)
    })
    .await;
    let target =
        Server::start(
            move |_, request| {
                if accepts(request) { answer("200 OK", "", "{}") } else { answer("401 Unauthorized", "", "") }
            },
        )
        .await;
    (tokens, target)
}

fn credentials(tokens: &Server) -> Auth {
    Auth::ClientCredentials {
        token_url: format!("http://{}/token", tokens.address),
        client_id: "prov-7".into(),
        client_secret: SecretString::from("s+/="),
        scope: Some("scim.write".into()),
        client_auth: ClientAuth::Body,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_token_serves_all() {
    let (tokens, target) = with_tokens(|request| request.contains("Bearer at-0")).await;
    let concurrency = NonZeroUsize::new(16).expect("not 0");
    let settings = Settings { auth: credentials(&tokens), concurrency, ..target.settings() };
    let client = Client::new(&settings).expect("the settings are right");
    let request = read();
    let answers = (0..16).map(|_| client.send(&request));
    for answer in futures_util::future::join_all(answers).await {
        assert_eq!(answer.expect("an answer").status, 200);
    }
    assert_eq!((tokens.seen().len(), client.requests()), (1, 16));
    let form = tokens.seen().remove(0);
    let expected = "grant_type=client_credentials&client_id=prov-7&client_secret=s%2b%2f%3d&scope=scim.write";
    assert!(form.ends_with(expected), "{form}");
    assert!(!form.to_ascii_lowercase().contains("authorization"), "{form}");
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let (tokens, target) = with_tokens(|request| request.contains("Bearer at-1")).await;
    let settings = Settings { auth: credentials(&tokens), ..target.settings() };
    assert_eq!(send(&settings, &write()).await.expect("an answer").status, 200);
    assert_eq!((tokens.seen().len(), target.seen().len()), (2, 2));
    let (tokens, target) = with_tokens(|_| false).await;
    let settings = Settings { auth: credentials(&tokens), ..target.settings() };
    assert_eq!(send(&settings, &write()).await.expect("an answer").status, 401);
    assert_eq!((tokens.seen().len(), target.seen().len()), (2, 2));
}

#[tokio::test]
async fn wrong_credentials_are_told_from_a_broken_token_endpoint() {
    let cases = [
        ("401 Unauthorized", r#"{"error":"invalid_client"}"#, FaultKind::Credentials),
        ("400 Bad Request", r#"{"error":"invalid_scope"}"#, FaultKind::Token),
        ("503 Unavailable", "", FaultKind::Token),
        ("200 OK", "<html>", FaultKind::Token),
        ("200 OK", r#"{"access_token":"x","token_type":"mac"}"#, FaultKind::Token),
    ];
    for (status, body, expected) in cases {
        let tokens = Server::start(move |_, _| answer(status, "", body)).await;
        let target = Server::start(|_, _| answer("200 OK", "", "{}")).await;
        let settings = Settings { auth: credentials(&tokens), ..target.settings() };
        let fault = send(&settings, &read()).await.expect_err("a fault");
        assert_eq!(fault.kind, expected, "{fault}");
        assert!(!fault.message.contains("s+/="));
        assert!(target.seen().is_empty());
    }
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let base = Settings::new("https://app.example.com/scim");
    let cases = [
        Settings { base: "nowhere".into(), ..base.clone() },
        Settings { auth: Auth::Bearer(SecretString::from("a\nb")), ..base.clone() },
        Settings { ca: Some(b"no PEM".to_vec()), ..base.clone() },
        Settings { proxy: super::Proxy::Url("socks5://x:1".into()), ..base.clone() },
    ];
    for settings in cases {
        assert!(Client::new(&settings).is_err(), "{settings:?}");
    }
}

#[tokio::test]
async fn a_proxy_is_asked_for_the_whole_url() {
    let proxy = Server::start(|_, _| answer("200 OK", "", "{}")).await;
    let settings = Settings {
        proxy: super::Proxy::Url(format!("http://user:pw@{}", proxy.address)),
        timeout: Duration::from_millis(500),
        ..Settings::new("http://app.example.com/scim")
    };
    send(&settings, &read()).await.expect("an answer");
    let seen = proxy.seen().remove(0);
    assert!(seen.starts_with("GET http://app.example.com/scim/Users/u-1 HTTP/1.1\r\n"), "{seen}");
    let settings = Settings { base: "https://app.example.com/scim".into(), ..settings };
    let _ = send(&settings, &write()).await;
    let seen = proxy.seen().remove(1);
    assert!(seen.starts_with("CONNECT app.example.com:443 HTTP/1.1\r\n"), "{seen}");
    assert!(seen.to_ascii_lowercase().contains("proxy-authorization: basic"), "{seen}");
}

/// A TLS server with our own authority's certificate, which wants one of its clients too; answers everything 204.
async fn tls_server() -> std::net::SocketAddr {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use rustls::server::WebPkiClientVerifier;

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(include_bytes!("testdata/ca.pem")).expect("PEM")).expect("an authority");
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let leaf = CertificateDer::from_pem_slice(include_bytes!("testdata/leaf.pem")).expect("PEM");
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("testdata/p256.key")).expect("PEM");
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows them")
        .with_client_cert_verifier(clients.build().expect("a verifier"))
        .with_single_cert(vec![leaf], key)
        .expect("they belong together");
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
                let _ = stream.shutdown().await;
            }
        }
    });
    address
}

#[tokio::test]
async fn private_authorities_and_client_certificates_work() {
    let address = tls_server().await;
    let base = Settings::new(format!("https://{address}/scim"));
    let own = super::ClientCertificate {
        chain: include_bytes!("testdata/leaf.pem").to_vec(),
        key: SecretString::from(include_str!("testdata/p256.key")),
    };
    let ca = Some(include_bytes!("testdata/ca.pem").to_vec());
    let known = Settings { ca: ca.clone(), client_certificate: Some(own), ..base.clone() };
    assert_eq!(send(&known, &write()).await.expect("an answer").status, 204);
    assert_eq!(kind(send(&base, &write()).await), FaultKind::Tls, "an unknown authority");
    let other_name = Settings { base: format!("https://localhost:{}/scim", address.port()), ..known };
    assert_eq!(kind(send(&other_name, &write()).await), FaultKind::Tls, "another host name");
    assert!(send(&Settings { ca, ..base }, &write()).await.is_err(), "no client certificate");
}
