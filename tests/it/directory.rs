//! A directory with managers and groups, as an export and as the target holds it, for runs of the program itself.

use std::collections::BTreeMap;

use provisiond::mock::Profile;
use serde_json::{Value, json};

use crate::cli_bench::Bench;

pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:";

/// One person of the export.
#[derive(Debug, Clone)]
pub struct Person {
    pub name: String,
    pub manager: Option<String>,
    pub active: bool,
}

/// People and groups by the name that their identifiers are made of.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    pub people: BTreeMap<String, Person>,
    /// Name and members.
    pub groups: BTreeMap<String, (String, Vec<String>)>,
}

impl Directory {
    pub fn person(&mut self, name: &str, manager: Option<&str>) -> &mut Self {
        let person = Person { name: name.to_owned(), manager: manager.map(str::to_owned), active: true };
        self.people.insert(name.to_owned(), person);
        self
    }

    pub fn group(&mut self, name: &str, members: &[&str]) -> &mut Self {
        let members = members.iter().map(|member| (*member).to_owned()).collect();
        self.groups.insert(name.to_owned(), (name.to_owned(), members));
        self
    }

    /// Puts it in the place of the export before.
    pub fn export(&self, bench: &Bench) {
        let people = self.people.iter().map(|(name, person)| {
            let manager = person.manager.as_ref().map(|manager| json!({ "value": anchor(manager) }));
            json!({
                "schemas": [format!("{CORE}User")], "id": anchor(name), "userName": format!("{name}@example.com"),
                "displayName": person.name, "active": person.active, ENTERPRISE: { "manager": manager },
            })
        });
        let groups = self.groups.iter().map(|(name, (display, members))| {
            let members: Vec<Value> = members.iter().map(|member| json!({ "value": anchor(member) })).collect();
            json!({ "schemas": [format!("{CORE}Group")], "id": anchor(name), "displayName": display, "members": members })
        });
        let all: Vec<Value> = people.chain(groups).collect();
        let list = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": all.len(), "Resources": all,
        });
        bench.write("source/directory.json", &list.to_string());
    }
}

/// The identifier of an object in the export.
pub fn anchor(name: &str) -> String {
    let digest = name.bytes().fold(7u128, |sum, byte| sum.wrapping_mul(257).wrapping_add(u128::from(byte)));
    uuid::Uuid::from_u128(digest | 1 << 126).to_string()
}

/// A folder whose job provisions people with managers and groups with members.
pub fn bench(dialect: &str, job: &str, groups: &str) -> Bench {
    let bench = Bench::beside(Profile::Rfc7644);
    bench.write(
        "provisiond.yaml",
        &format!(
            "state: state.db\njobs:\n  - name: town\n    source: {{ directory: source, preset: scim-json, max_shrink: 99% }}\n{job}    \
             mapping: mapping.yaml\n    target:\n      url: {}\n      auth: {{ bearer: {{ file: token }} }}\n      profile: generic\n      \
             dialect: {dialect}\n      rate: none\n",
            bench.standin().url()
        ),
    );
    bench.write(
        "mapping.yaml",
        &format!(
            "users:\n  attributes:\n    userName: {{ source: userPrincipalName, match: 1 }}\n    active: Not([IsSoftDeleted])\n    \
             displayName: displayName\n    externalId: objectId\n    {ENTERPRISE}:manager: {{ source: manager, flow_null_values: true, \
             source_flow_null_values: true }}\ngroups:\n{groups}  attributes:\n    displayName: {{ source: displayName, match: 1 }}\n    \
             externalId: objectId\n    members: members\n"
        ),
    );
    bench
}

/// Everything that the target holds, without what it stamps: users and groups in the order of their ids, members in theirs.
pub fn content(bench: &Bench) -> Vec<Value> {
    let mut all: Vec<Value> = bench.standin().users().into_iter().chain(bench.standin().groups()).collect();
    for one in &mut all {
        let one = one.as_object_mut().expect("an object");
        one.shift_remove("meta");
        // Derived from the groups.
        one.shift_remove("groups");
        if let Some(Value::Array(members)) = one.get_mut("members") {
            for member in members.iter_mut() {
                *member = member["value"].clone();
            }
            members.sort_by_key(Value::to_string);
            if members.is_empty() {
                one.shift_remove("members");
            }
        }
    }
    all.sort_by_key(|one| one["id"].to_string());
    all
}

/// The same with names in the place of the target's ids, for targets that gave somebody another one.
pub fn content_by_name(bench: &Bench) -> Vec<String> {
    let all = content(bench);
    let mut text: Vec<String> = all.iter().map(Value::to_string).collect();
    for one in &all {
        let name = ["externalId", "userName", "displayName"].iter().find_map(|name| one[*name].as_str());
        let (id, name) = (one["id"].to_string(), format!("\"<{}>\"", name.expect("a name")));
        text.iter_mut().for_each(|text| *text = text.replace(&id, &name));
    }
    // Members were in the order of ids.
    for one in &mut text {
        let mut value: Value = serde_json::from_str(one).expect("JSON");
        if let Some(members) = value["members"].as_array_mut() {
            members.sort_by_key(Value::to_string);
        }
        if value["members"].is_null() {
            value.as_object_mut().expect("an object").shift_remove("members");
        }
        *one = value.to_string();
    }
    text.sort();
    text
}

/// The names of the members of a group in the target.
pub fn members(bench: &Bench, group: &str) -> Vec<String> {
    let users = bench.standin().users();
    let groups = bench.standin().groups();
    let name = |id: &Value| {
        let found = users.iter().chain(&groups).find(|one| one["id"] == *id);
        found.and_then(|one| one["displayName"].as_str()).unwrap_or("?").to_owned()
    };
    let found = groups.iter().find(|one| one["displayName"] == group).unwrap_or_else(|| panic!("no group {group}"));
    let mut members: Vec<String> =
        found["members"].as_array().into_iter().flatten().map(|member| name(&member["value"])).collect();
    members.sort();
    members
}

/// The manager's name of a user in the target.
pub fn manager(bench: &Bench, name: &str) -> Option<String> {
    let users = bench.standin().users();
    let user = users.iter().find(|user| user["displayName"] == name).unwrap_or_else(|| panic!("no user {name}"));
    let manager = user[ENTERPRISE]["manager"]["value"].as_str()?;
    let found = users.iter().find(|user| user["id"] == manager);
    Some(found.and_then(|user| user["displayName"].as_str()).unwrap_or("?").to_owned())
}
