//! Sending through a mail server.

use std::time::SystemTime;

use secrecy::SecretString;

use super::Letter;

/// The server that mail is sent through.
#[derive(Debug)]
pub struct Server {
    pub host: String,
    /// 465 speaks TLS from the start; elsewhere the connection is upgraded, but on a loopback address.
    pub port: u16,
    /// User name and password, where the server wants them.
    pub credentials: Option<(String, SecretString)>,
    pub from: String,
}

/// Why a mail was not sent.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MailError {
    #[error("`{0}` is no mail address")]
    Address(String),
    #[error("the mail server did not take it: {0}")]
    Refused(String),
    #[error("this build cannot send mail: build it with the feature `email`")]
    NotBuilt,
}

/// Sends one mail to each of `recipients`, in one message.
#[cfg(feature = "email")]
pub async fn send(server: &Server, recipients: &[String], letter: &Letter, at: SystemTime) -> Result<(), MailError> {
    use std::time::Duration;

    use lettre::message::Mailbox;
    use lettre::message::header::ContentType;
    use lettre::transport::smtp::authentication::Credentials;
    use lettre::transport::smtp::client::{Tls, TlsParameters};
    use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
    use secrecy::ExposeSecret as _;

    /// A mail server that says nothing must not hold the daemon.
    const PATIENCE: Duration = Duration::from_secs(20);

    let address = |text: &String| text.parse::<Mailbox>().map_err(|_| MailError::Address(text.clone()));
    let mut message = Message::builder().from(address(&server.from)?).subject(&letter.subject).date(at);
    for recipient in recipients {
        message = message.to(address(recipient)?);
    }
    let password = server.credentials.as_ref().map(|(_, password)| password.expose_secret());
    let refused = |error: &dyn std::error::Error| {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(deeper) = cause {
            text.push_str(&format!(": {deeper}"));
            cause = deeper.source();
        }
        // A server that quotes what it was sent quotes it to us alone.
        MailError::Refused(password.map_or(text.clone(), |password| text.replace(password, "***")))
    };
    let message = message.header(ContentType::TEXT_PLAIN).body(letter.text.clone()).map_err(|error| refused(&error))?;
    let tls = match (is_loopback(&server.host), server.port) {
        (true, _) => Tls::None,
        (false, 465) => Tls::Wrapper(TlsParameters::new(server.host.clone()).map_err(|error| refused(&error))?),
        (false, _) => Tls::Required(TlsParameters::new(server.host.clone()).map_err(|error| refused(&error))?),
    };
    let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
        .port(server.port)
        .tls(tls)
        .timeout(Some(PATIENCE));
    if let Some((user, password)) = &server.credentials {
        transport = transport.credentials(Credentials::new(user.clone(), password.expose_secret().to_owned()));
    }
    match tokio::time::timeout(PATIENCE, transport.build().send(message)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(refused(&error)),
        Err(_) => Err(MailError::Refused(format!("no answer within {} seconds", PATIENCE.as_secs()))),
    }
}

/// Sends nothing: the program was built without mail.
#[cfg(not(feature = "email"))]
pub async fn send(_: &Server, _: &[String], _: &Letter, _: SystemTime) -> Result<(), MailError> {
    Err(MailError::NotBuilt)
}

/// What stays on this machine needs no TLS.
#[cfg(feature = "email")]
fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
