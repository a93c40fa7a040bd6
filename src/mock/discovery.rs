//! `/ServiceProviderConfig`, `/Schemas`, `/ResourceTypes` (RFC 7644 section 4).

use http::StatusCode;
use serde_json::{Value, json};

use super::answer::Answer;
use super::bulk::{MAX_OPERATIONS, MAX_PAYLOAD};
use super::defect::Defect;
use super::failure::Refusal;
use super::profile::{KINTONE_ATTRIBUTES, Profile};
use super::query::decode;
use super::schema::{ENTERPRISE_URN, GROUP_URN, Resource, USER_URN, definitions};
use super::service::Service;

impl Service {
    pub(super) fn discovery(&self, what: &str, one: Option<&str>) -> Result<Answer, Refusal> {
        let only = (self.profile == Profile::Kintone).then_some(KINTONE_ATTRIBUTES);
        let documents = match what {
            "ServiceProviderConfig" => {
                return match one {
                    None => Ok(Answer::json(StatusCode::OK, &self.config())),
                    Some(rest) => Err(Refusal::not_found(&super::filter::clip(rest))),
                };
            }
            "Schemas" => definitions(only),
            _ => self.resource_types(),
        };
        let documents: Vec<Value> = documents
            .into_iter()
            .map(|mut document| {
                let kind = if what == "Schemas" { "Schema" } else { "ResourceType" };
                let id = document["id"].as_str().unwrap_or_default();
                let location = format!("{}/{what}/{id}", self.base);
                document["meta"] = json!({"resourceType": kind, "location": location});
                document
            })
            .collect();
        match one {
            Some(one) => {
                let one = decode(&one.replace('+', "%2B"))?;
                let found = documents.iter().find(|document| document["id"] == one);
                found
                    .map(|document| Answer::json(StatusCode::OK, document))
                    .ok_or_else(|| Refusal::not_found(&super::filter::clip(&one)))
            }
            None if self.defects.has(Defect::DiscoveryArray) => {
                Ok(Answer::json(StatusCode::OK, &Value::Array(documents)))
            }
            None => Ok(Answer::json(
                StatusCode::OK,
                &json!({
                    "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
                    "totalResults": documents.len(),
                    "startIndex": 1,
                    "itemsPerPage": documents.len(),
                    "Resources": documents,
                }),
            )),
        }
    }

    fn config(&self) -> Value {
        let full = self.profile == Profile::Rfc7644;
        let supported = |is: bool| json!({ "supported": is });
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
            "patch": supported(true),
            "bulk": {
                "supported": full,
                "maxOperations": if full { MAX_OPERATIONS } else { 0 },
                "maxPayloadSize": if full { MAX_PAYLOAD } else { 0 },
            },
            "filter": {"supported": true, "maxResults": self.profile.page().1},
            "changePassword": supported(false),
            "sort": supported(full),
            "etag": supported(full),
            "authenticationSchemes": [{
                "type": "oauthbearertoken",
                "name": "OAuth Bearer Token",
                "description": "a bearer token in the Authorization header",
                "specUri": "https://www.rfc-editor.org/info/rfc6750",
                "primary": true,
            }],
            "meta": {
                "resourceType": "ServiceProviderConfig",
                "location": format!("{}/ServiceProviderConfig", self.base),
            },
        })
    }

    fn resource_types(&self) -> Vec<Value> {
        let full = self.profile == Profile::Rfc7644;
        let urn = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
        let one = |resource: Resource, schema: &str, extensions: Value| {
            json!({
                "schemas": [urn],
                "id": resource.name(),
                "name": resource.name(),
                "endpoint": format!("/{}", resource.endpoint()),
                "schema": schema,
                "schemaExtensions": extensions,
            })
        };
        let extensions = match full {
            true => json!([{"schema": ENTERPRISE_URN, "required": false}]),
            false => json!([]),
        };
        let mut all = vec![one(Resource::User, USER_URN, extensions)];
        if full && !self.defects.has(Defect::NoGroups) {
            all.push(one(Resource::Group, GROUP_URN, json!([])));
        }
        all
    }
}
