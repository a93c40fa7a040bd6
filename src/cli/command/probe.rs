//! `probe`: learns what an endpoint accepts.

use serde_json::{Map, Value, json};

use super::super::error::{CliError, Status};
use super::super::reach::{Reach, Reached};
use super::super::session::{Session, block_on};
use super::super::signals::stop_token;
use super::validate::{Kind, unreached};
use crate::report::plain;
use crate::validator::{self, Fit, Learned, Probed};
use crate::wire::Profile;

/// Learns in one harmless conversation what an endpoint accepts and prints the `target:` block to use
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  provisiond probe https://app.example.com/scim/v2 --token env:SCIM_TOKEN > target.yaml
  provisiond validate --target target.yaml
  provisiond probe http://127.0.0.1:8080/scim/v2 --write --output json

It only reads. Whether Entra's requests without or with the flag, Okta's or those of the RFC are taken cannot be known without
writing: `--write` tries them on users and groups of its own, named `provisiond-probe-…`, and deletes these.
Exit status: 1 where no job can work with the endpoint, 3 where it is not reached or refuses the credentials.")]
pub struct Args {
    /// Tenant URL of the endpoint
    #[arg(value_name = "URL")]
    url: Option<String>,
    /// What kind of endpoint it is; Kintone is known by its host
    #[arg(long, value_enum)]
    profile: Option<Kind>,
    /// Tries the dialects on accounts of its own, and deletes these
    #[arg(long)]
    write: bool,
    #[command(flatten)]
    reach: Reach,
}

pub fn run(args: &Args, session: &Session) -> Result<Status, CliError> {
    let reached = args.reach.read(args.url.as_deref(), session)?;
    let kintone = match args.profile {
        Some(kind) => kind == Kind::Kintone,
        None => reached.profile == Profile::Kintone,
    };
    let prefix = args.write.then(|| format!("provisiond-probe-{}", &uuid::Uuid::new_v4().simple().to_string()[..8]));
    let probed = block_on(async {
        let stop = stop_token();
        validator::probe(&reached.settings, &reached.url, kintone, prefix, stop)
            .await
            .map_err(|error| unreached(&error))
    })?;
    let block = block(&reached, &probed);
    session.output.either(|| document(&probed, &block), |_| text(&probed, &block))?;
    Ok(match (probed.interrupted, probed.fits()) {
        (true, _) => Status::Interrupted,
        (false, false) => Status::ObjectsFailed,
        (false, true) => Status::Done,
    })
}

/// What a job says to speak to the endpoint; what is as usual is left out.
fn block(reached: &Reached, probed: &Probed) -> Value {
    let mut block = Map::new();
    block.insert("url".to_owned(), json!(reached.text.trim()));
    if let Value::Object(reach) = &reached.block {
        block.extend(reach.clone());
    }
    if probed.kintone {
        block.insert("profile".to_owned(), json!("kintone"));
    }
    if let Some(dialect) = probed.dialect.or(reached.dialect) {
        block.insert("dialect".to_owned(), json!(dialect.name));
    }
    if let Some(accept) = probed.accept {
        block.insert("options".to_owned(), json!({ "accept": accept }));
    }
    json!({ "target": block })
}

fn document(probed: &Probed, block: &Value) -> Value {
    let learned = probed.learned.iter().map(|Learned { id, question, answer, fit }| {
        let fit = match fit {
            Fit::Yes => "yes",
            Fit::Partly => "partly",
            Fit::No => "no",
        };
        json!({ "id": id, "question": question, "answer": answer, "fits": fit })
    });
    json!({ "target": block["target"], "fits": probed.fits(), "learned": learned.collect::<Vec<_>>() })
}

fn text(probed: &Probed, block: &Value) -> String {
    let mut out = String::new();
    for Learned { question, answer, fit, .. } in &probed.learned {
        let mark = match fit {
            Fit::Yes => ' ',
            Fit::Partly => '!',
            Fit::No => 'X',
        };
        out.push_str(&format!("#{mark} {question}: {}\n", plain(answer)));
    }
    if !probed.fits() {
        out.push_str("# no job can work with this endpoint before what is marked with X is changed\n");
    }
    yaml(&mut out, 0, block);
    out
}

/// Writes a document as YAML; its texts are quoted where YAML would read something else.
fn yaml(out: &mut String, indent: usize, value: &Value) {
    for (key, value) in value.as_object().into_iter().flatten() {
        match value {
            Value::Object(members) if !members.is_empty() => {
                out.push_str(&format!("{:indent$}{key}:\n", ""));
                yaml(out, indent + 2, value);
            }
            Value::String(text) if is_plain(text) => out.push_str(&format!("{:indent$}{key}: {text}\n", "")),
            other => out.push_str(&format!("{:indent$}{key}: {other}\n", "")),
        }
    }
}

/// A text that means itself in YAML.
fn is_plain(text: &str) -> bool {
    let letters = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let simple = text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:+?=&%".contains(c));
    let word = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    letters && simple && !text.ends_with(':') && !word.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_holds_what_was_meant() {
        let block = json!({ "target": { "url": "https://a.example/scim?aadOptscim062020", "auth": { "bearer": { "file": "a b: #c" } },
            "dialect": "strict", "timeout": "PT5S", "allow_insecure_http": true } });
        let mut out = String::new();
        yaml(&mut out, 0, &block);
        let read: Value = serde_saphyr::from_str(&out).expect("YAML");
        assert_eq!(read, block, "{out}");
    }
}
