//! Signals end a command, also while the target wants nothing to be sent.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::bench::{Bench, anchor, login};

const EMPTY: &str =
    r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0,"Resources":[]}"#;

/// A target that asks to wait for an hour: at every request, or at writes alone. Returns its URL.
fn waiting(reads_too: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/scim", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream, reads_too));
        }
    });
    url
}

fn answer(mut stream: TcpStream, reads_too: bool) {
    let mut head = Vec::new();
    let mut part = [0; 4096];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut part) {
            Ok(count) if count > 0 => head.extend_from_slice(&part[..count]),
            _ => return,
        }
    }
    let (status, body) = match head.starts_with(b"GET ") && !reads_too {
        true => ("200 OK", EMPTY),
        false => ("429 Too Many Requests\r\nRetry-After: 3600", "{}"),
    };
    let length = body.len();
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/scim+json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
}

fn signal(child: &Child, name: &str) {
    let sent = std::process::Command::new("kill").args(["-s", name, &child.id().to_string()]).status();
    assert!(sent.expect("kill runs").success());
}

/// Waits until the command says on standard error that the target asks to wait; returns how the rest of it reads.
fn until_told(child: &mut Child) -> std::thread::JoinHandle<String> {
    let mut errors = child.stderr.take().expect("piped");
    let mut text = String::new();
    let mut part = [0; 1024];
    while !text.contains("the target asks to wait: nothing is sent until 2") {
        let count = errors.read(&mut part).expect("readable");
        assert!(count > 0, "it ended without a word of it: {text}");
        text.push_str(&String::from_utf8_lossy(&part[..count]));
    }
    std::thread::spawn(move || {
        let _ = errors.read_to_string(&mut text);
        text
    })
}

fn ended(child: &mut Child) -> i32 {
    let since = Instant::now();
    loop {
        match child.try_wait().expect("it is ours") {
            Some(status) => return status.code().unwrap_or(-1),
            None if since.elapsed() > Duration::from_secs(20) => {
                child.kill().expect("it is ours");
                panic!("it goes on for 20 seconds");
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

#[test]
fn a_signal_ends_the_wait_for_a_target_and_nothing_is_lost() {
    for (reads_too, name) in [(true, "TERM"), (false, "TERM"), (false, "INT")] {
        let mut bench = Bench::new();
        bench.crowd(12).standin_url(&waiting(reads_too));
        bench.write_files();
        let one = login(1);
        for arguments in [&["cycle", "--output", "json"][..], &["provision-now", "--output", "json", "--user", &one]] {
            let mut command = bench.command(arguments);
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
            let errors = until_told(&mut child);
            signal(&child, name);
            let status = ended(&mut child);
            let mut out = String::new();
            child.stdout.take().expect("piped").read_to_string(&mut out).expect("readable");
            let errors = errors.join().expect("read");
            let document: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}\n{errors}"));
            assert!(out.contains("Interrupted"), "{arguments:?} {out}\n{errors}");
            assert_ne!(status, 0, "{arguments:?}");
            if arguments[0] == "cycle" {
                assert_eq!(document["counts"]["failure"], 0, "{document:#}");
                assert_eq!(document["counts"]["notEvaluated"], 12, "{document:#}");
            }
        }
        // It was as if nobody's turn had come: no failure is kept, no claim, and no quarantine.
        assert_eq!(bench.run(&["escrows", "list", "--output", "json"]).json(), Value::Array(Vec::new()));
        let there = bench.standin.url();
        bench.standin_url(&there);
        assert_eq!(bench.one(&login(1)).reason, "NotFoundInTarget");
        assert_eq!(bench.cycle().counts()[0], 11);
        assert_eq!(bench.link(&anchor(1)), "managed");
    }
}

#[test]
fn the_second_signal_of_either_kind_ends_at_once() {
    // a target that takes the connection and says nothing
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut bench = Bench::new();
    bench.crowd(1).standin_url(&format!("http://{}/scim", silent.local_addr().expect("an address")));
    bench.write_files();
    for (first, second) in [("TERM", "TERM"), ("INT", "TERM"), ("TERM", "INT")] {
        let mut child = bench.command(&["cycle"]).stderr(Stdio::piped()).spawn().expect("it starts");
        let connection = silent.accept().expect("it asks");
        signal(&child, first);
        std::thread::sleep(Duration::from_millis(500));
        assert!(child.try_wait().expect("it is ours").is_none(), "an exchange is under way");
        signal(&child, second);
        let since = Instant::now();
        let status = ended(&mut child);
        assert!(since.elapsed() < Duration::from_secs(5) && status != 0, "{first} {second}: {status}");
        drop(connection);
    }
}
