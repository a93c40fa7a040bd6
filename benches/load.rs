//! A bare load generator: for each person of an export a look-up by `userName` and a create, as an initial cycle sends them,
//! with a number of people in flight. It knows nothing but what it needs for that, so it shows what the target can take.

use std::{
    env,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::{Client, StatusCode};
use serde_json::json;

type Fault = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let [url, token, file, people, in_flight] = arguments.as_slice() else {
        eprintln!("usage: load URL TOKEN FILE.csv PEOPLE IN_FLIGHT  (benches/cycle.sh runs it)");
        return ExitCode::SUCCESS;
    };
    match run(url, token, file, people, in_flight) {
        Ok((requests, took)) => {
            println!("{{\"requests\": {requests}, \"seconds\": {}}}", took.as_secs_f64());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Person {
    look_up: String,
    body: Vec<u8>,
}

#[tokio::main]
async fn run(url: &str, token: &str, file: &str, people: &str, in_flight: &str) -> Result<(usize, Duration), Fault> {
    let in_flight: usize = in_flight.parse()?;
    let people: Arc<[Person]> = read(url, file, people.parse()?)?.into();
    rustls::crypto::ring::default_provider().install_default().map_err(|_| "a provider is installed already")?;
    let client = Client::builder().timeout(Duration::from_secs(30)).build()?;
    let (create, authorization) = (format!("{url}/Users"), format!("Bearer {token}"));
    let next = Arc::new(AtomicUsize::new(0));

    let began = Instant::now();
    let workers: Vec<_> = (0..in_flight)
        .map(|_| {
            let (client, people, next) = (client.clone(), Arc::clone(&people), Arc::clone(&next));
            let (create, authorization) = (create.clone(), authorization.clone());
            tokio::spawn(async move {
                while let Some(person) = people.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = client.get(&person.look_up).header("authorization", &authorization).send().await?;
                    expect(&found, StatusCode::OK)?;
                    found.bytes().await?;
                    let made = client
                        .post(&create)
                        .header("authorization", &authorization)
                        .header("content-type", "application/scim+json; charset=utf-8")
                        .body(person.body.clone())
                        .send()
                        .await?;
                    expect(&made, StatusCode::CREATED)?;
                    made.bytes().await?;
                }
                Ok::<(), Fault>(())
            })
        })
        .collect();
    for worker in workers {
        worker.await??;
    }
    Ok((people.len() * 2, began.elapsed()))
}

fn expect(answer: &reqwest::Response, status: StatusCode) -> Result<(), Fault> {
    if answer.status() == status { Ok(()) } else { Err(format!("{}: {}", answer.url(), answer.status()).into()) }
}

/// What is sent for the first `count` enabled people of the export.
fn read(url: &str, file: &str, count: usize) -> Result<Vec<Person>, Fault> {
    let mut reader = csv::Reader::from_path(file)?;
    let headers = reader.headers()?.clone();
    let column = |name: &str| headers.iter().position(|header| header == name).ok_or(format!("no column `{name}`"));
    let (login, name, surname, mail) =
        (column("userPrincipalName")?, column("displayName")?, column("surname")?, column("mail")?);
    let (given, id, enabled) = (column("givenName")?, column("id")?, column("accountEnabled")?);
    let mut people = Vec::with_capacity(count);
    for record in reader.records() {
        let record = record?;
        if people.len() == count {
            break;
        }
        if &record[enabled] != "True" {
            continue;
        }
        let body = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
            "externalId": &record[id],
            "userName": &record[login],
            "active": true,
            "displayName": &record[name],
            "emails": [{"type": "work", "value": &record[mail], "primary": true}],
            "meta": {"resourceType": "User"},
            "name": {"givenName": &record[given], "familyName": &record[surname]},
        });
        let filter = format!("userName eq \"{}\"", &record[login]);
        people.push(Person {
            look_up: reqwest::Url::parse_with_params(&format!("{url}/Users"), [("filter", filter)])?.into(),
            body: serde_json::to_vec(&body)?,
        });
    }
    Ok(people)
}
