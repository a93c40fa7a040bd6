//! Mails about quarantine and withheld deprovisionings (service.md 17.4, 18), sent to a server that only listens.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use provisiond::mock::Options;

use crate::bench::{Bench, login};

/// A mail server that takes everything and keeps it.
struct Sink {
    port: u16,
    mails: Arc<Mutex<Vec<String>>>,
}

impl Sink {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let mails = Arc::new(Mutex::new(Vec::new()));
        let kept = mails.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Who breaks off has sent nothing.
                drop(converse(stream, &kept));
            }
        });
        Self { port, mails }
    }

    /// The conversations up to the end of each mail since the last call, with soft line ends joined.
    fn take(&self) -> Vec<String> {
        let mails = std::mem::take(&mut *self.mails.lock().expect("no test panics with it"));
        mails.iter().map(|mail| mail.replace("=\n", "").replace("=3D", "=")).collect()
    }
}

fn converse(stream: TcpStream, kept: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut out = stream.try_clone()?;
    let mut said = String::new();
    out.write_all(b"220 sink\r\n")?;
    let mut in_data = false;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        said.push_str(&line);
        said.push('\n');
        let answer = match line.split(' ').next().unwrap_or_default() {
            "." if in_data => {
                in_data = false;
                kept.lock().expect("no test panics with it").push(std::mem::take(&mut said));
                "250 kept"
            }
            _ if in_data => continue,
            "EHLO" => "250-sink\r\n250 AUTH PLAIN",
            "AUTH" => "235 welcome",
            "DATA" => {
                in_data = true;
                "354 go on"
            }
            "QUIT" => {
                out.write_all(b"221 bye\r\n")?;
                break;
            }
            _ => "250 ok",
        };
        out.write_all(format!("{answer}\r\n").as_bytes())?;
    }
    Ok(())
}

fn bench(sink: &Sink) -> Bench {
    let mut bench = Bench::with(Options { token: Some("secret".to_owned()), ..Options::default() });
    std::fs::write(bench.path().join("password"), "open sesame\n").expect("written");
    bench.job(&format!(
        "accidental_deletion: {{ threshold: 1 }}\nnotifications:\n  enabled: true\n  recipients: [ops@example.jp, boss@example.jp]\n  \
         smtp: {{ host: 127.0.0.1, port: {}, from: provisiond@example.jp, user: job, password: {{ file: password }} }}",
        sink.port
    ));
    bench
}

#[test]
fn each_quarantine_is_told_once_and_to_everybody() {
    let sink = Sink::start();
    let mut bench = bench(&sink);
    bench.crowd(5);
    assert!(bench.cycle().report.warnings.is_empty());
    assert_eq!(sink.take(), Vec::<String>::new(), "all is well");

    bench.standin.expire_tokens();
    bench.crowd(6).after_minutes(40);
    let cycle = bench.cycle();
    let mails = sink.take();
    assert_eq!(mails.len(), 1, "{:?}", cycle.report);
    for words in [
        // `job` and the password, as PLAIN has them.
        "AUTH PLAIN AGpvYgBvcGVuIHNlc2FtZQ",
        "MAIL FROM:<provisiond@example.jp>",
        "RCPT TO:<ops@example.jp>",
        "RCPT TO:<boss@example.jp>",
        "Subject: provisiond: job is in quarantine",
        "SystemForCrossDomainIdentityManagementCredentialValidationFailure",
        "renew the credentials",
    ] {
        assert!(mails[0].contains(words), "`{words}` in\n{}", mails[0]);
    }
    assert!(!mails[0].contains("user0000"), "nobody's name");
    // Confirmed at the next attempt: nothing new.
    bench.after_hours(6);
    bench.cycle();
    assert_eq!(sink.take().len(), 0);

    // Lifted; then too many would go, which is another reason.
    bench.standin.add_token("secret", None);
    bench.after_hours(6);
    bench.cycle();
    assert!(bench.status().quarantine.is_none());
    bench.crowd(4).after_minutes(40);
    assert_eq!(bench.run_cycle(&[]).status(), 5);
    let mails = sink.take();
    assert_eq!(mails.len(), 1);
    assert!(
        mails[0].contains("(TooManyDeletes)") && mails[0].contains("2 deprovisionings are withheld"),
        "{}",
        mails[0]
    );
    bench.after_minutes(40);
    bench.cycle();
    assert_eq!(sink.take().len(), 0, "the batch is still the same");

    assert_eq!(bench.run(&["pause", "--quarantine"]).status(), 0);
    let mails = sink.take();
    assert!(mails.len() == 1 && mails[0].contains("(QuarantinedOnDemand)"), "{mails:?}");
}

#[test]
fn a_mail_that_cannot_be_sent_costs_no_cycle_and_shows_no_password() {
    let sink = Sink { port: 9, mails: Arc::default() };
    let mut bench = bench(&sink);
    bench.crowd(5);
    bench.cycle();
    bench.crowd(3).after_minutes(40);
    let ran = bench.run_cycle(&["--output", "json"]);
    assert_eq!(ran.status(), 5, "{}", ran.errors());
    assert_eq!(ran.json()["counts"]["staged"], 2);
    assert!(ran.text().contains("notifications: no mail was sent"), "{}", ran.text());
    assert!(!(ran.text() + &ran.errors()).contains("sesame"));
    assert!(bench.account(&login(4)).is_some());
}

#[test]
fn addresses_are_checked_when_they_are_read() {
    let mut bench = Bench::new();
    bench
        .crowd(1)
        .job("notifications: { enabled: true, recipients: [ops], smtp: { host: localhost, from: me@example.jp } }");
    let ran = bench.run(&["check"]);
    assert_eq!(ran.status(), 2);
    assert!((ran.text() + &ran.errors()).contains("`ops` is no mail address"), "{}{}", ran.text(), ran.errors());
}
