//! What kind of failure an error of the network is.

use std::error::Error;
use std::io;
use std::time::Duration;

use crate::wire::{Fault, FaultKind};

/// No answer in the time allowed.
pub(super) fn late(timeout: Duration) -> Fault {
    let seconds = timeout.as_secs_f32();
    Fault::new(FaultKind::Timeout, format!("the target did not answer within {seconds} seconds"))
}

/// The program ends before the answer came.
pub(super) fn abandoned() -> Fault {
    Fault::new(FaultKind::Closed, "the request was given up because the program ends")
}

/// The program ends while the target wants nothing to be sent.
pub(super) fn given_up() -> Fault {
    Fault::new(FaultKind::GivenUp, "the target asked to wait, and the program ends before that")
}

/// Tells failures apart by the errors behind `error`.
pub(super) fn fault_of(error: &(dyn Error + 'static), connecting: bool) -> Fault {
    let mut kind = if connecting { FaultKind::Connect } else { FaultKind::Closed };
    let mut words: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        kind = kind_of(error, connecting).unwrap_or(kind);
        let text = error.to_string();
        // Errors repeat those behind them.
        if !words.iter().any(|known| known.contains(&text)) {
            words.push(text);
        }
        next = error.source();
    }
    Fault::new(kind, format!("{}: {}", summary(kind), words.join(": ")))
}

fn kind_of(error: &(dyn Error + 'static), connecting: bool) -> Option<FaultKind> {
    if error.is::<rustls::Error>() {
        return Some(FaultKind::Tls);
    }
    if let Some(error) = error.downcast_ref::<io::Error>() {
        // The cause of such an error is not among its sources: it is inside.
        let inner = error.get_ref().and_then(|inner| {
            let inner: &(dyn Error + 'static) = inner;
            kind_of(inner, connecting)
        });
        return inner.or_else(|| kind_of_io(error.kind(), connecting));
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        if error.is_parse() {
            return Some(FaultKind::Protocol);
        }
        return (error.is_incomplete_message() || error.is_closed() || error.is_canceled())
            .then_some(FaultKind::Closed);
    }
    (error.to_string() == "dns error").then_some(FaultKind::Dns)
}

fn kind_of_io(kind: io::ErrorKind, connecting: bool) -> Option<FaultKind> {
    match kind {
        io::ErrorKind::TimedOut => Some(FaultKind::Timeout),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            Some(FaultKind::Connect)
        }
        // TCP itself does not end so before it is there: the other side gave up in the handshake.
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe if connecting => {
            Some(FaultKind::Tls)
        }
        _ => None,
    }
}

fn summary(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Dns => "the host of the target has no address",
        FaultKind::Connect => "no connection to the target",
        FaultKind::Tls => "the TLS handshake with the target failed",
        FaultKind::Timeout => "the target did not answer in time",
        FaultKind::Closed => "the target closed the connection during the exchange",
        FaultKind::Protocol => "the answer of the target is not HTTP",
        FaultKind::TooLarge => "the answer of the target is too long",
        FaultKind::Credentials => "the token endpoint refuses the credentials",
        FaultKind::Token => "the token endpoint gives no token",
        FaultKind::GivenUp => "the program ends",
        FaultKind::Unsendable => "the request cannot be sent",
    }
}
