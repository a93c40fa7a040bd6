//! A target that passes everything on to the stand-in, but lies where a test wants it to.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::Request;
use provisiond::mock::Standin;
use serde_json::Value;

use crate::bench::Bench;

/// A request as a lie sees it.
pub struct Asked {
    pub method: String,
    pub path: String,
    pub query: String,
    pub body: String,
}

impl Asked {
    /// Everything that is said in it, query unescaped.
    pub fn text(&self) -> String {
        format!("{}?{} {}", self.path, self.query.replace("%40", "@").replace("%20", " "), self.body)
    }

    /// Is it about one known account?
    pub fn path_has_id(&self) -> bool {
        self.path.contains("/Users/")
    }
}

/// A lie: the request and the true answer in, status and body out; status 0 keeps the true one, null is no body.
type Lie = dyn Fn(&Asked, &Value) -> Option<(u16, Value)> + Send + Sync;

/// A server on a thread of its own; it ends with the program.
pub struct Liar {
    url: String,
    lies: Arc<AtomicBool>,
}

impl Liar {
    pub fn start(bench: &Bench, lie: impl Fn(&Asked, &Value) -> Option<(u16, Value)> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/scim/v2", listener.local_addr().expect("an address"));
        let lies = Arc::new(AtomicBool::new(true));
        let (behind, flag, lie): (_, _, Arc<Lie>) = (bench.standin.clone(), lies.clone(), Arc::new(lie));
        listener.set_nonblocking(true).expect("a listener for the runtime");
        let app = axum::Router::new().fallback(move |request: axum::extract::Request| {
            let (behind, flag, lie) = (behind.clone(), flag.clone(), lie.clone());
            async move { answer(&behind, flag.load(Ordering::Relaxed).then_some(&*lie), request).await }
        });
        bench.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            axum::serve(listener, app).await.expect("it serves");
        });
        Self { url, lies }
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Tells the truth from now on.
    pub fn behave(&self) {
        self.lies.store(false, Ordering::Relaxed);
    }
}

async fn answer(
    behind: &Standin,
    lie: Option<&Lie>,
    request: axum::extract::Request,
) -> http::Response<axum::body::Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
    let asked = Asked {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    // A lie may run another program and wait for it; the requests of that one must be answered meanwhile.
    let tell = |truth: &Value| lie.and_then(|lie| tokio::task::block_in_place(|| lie(&asked, truth)));
    // A lie about a write is told instead of the write.
    let told = tell(&Value::Null).filter(|(status, _)| *status != 0);
    let (status, body) = match told {
        Some((status, body)) => (status, body),
        None => {
            let truth = behind.service().answer(&Request::from_parts(parts, body));
            let value: Value = serde_json::from_slice(truth.body()).unwrap_or_default();
            let told = tell(&value);
            (truth.status().as_u16(), told.map_or(value, |(_, body)| body))
        }
    };
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let mut response = http::Response::builder().status(status).header("content-type", "application/scim+json");
    if status == 429 {
        response = response.header("retry-after", "0");
    }
    if let Some(id) = body.get("id").and_then(Value::as_str).filter(|_| status == 201) {
        let told = body.pointer("/meta/location").and_then(Value::as_str).map(str::to_owned);
        response = response.header("location", told.unwrap_or_else(|| format!("http://127.0.0.1/scim/v2/Users/{id}")));
    }
    response.body(text.into()).expect("a response")
}
