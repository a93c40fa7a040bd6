//! Every key of `provisiond.yaml` (contract.md 3 and 3.1).

use super::shape::{Key, Shape};

const TEXT: Shape = Shape::Text;
const FLAG: Shape = Shape::Flag;
const TEXTS: Shape = Shape::List(&Shape::Text);

pub(super) const ROOT: &[Key] = &[
    Key::new(
        "state",
        Shape::Path,
        "SQLite file of the state; by default `$STATE_DIRECTORY/state.db`, else `./state.db`.",
    ),
    Key::new("listen", Shape::Address, "Address of the status page and of the metrics; off by default."),
    Key::new("jobs", Shape::List(&Shape::Block(JOB)), "The jobs, each from one source folder to one target.")
        .required(),
];

pub(super) const JOB: &[Key] = &[
    Key::new("name", TEXT, "Name of the job, unique in this file.").required(),
    Key::new("source", Shape::Block(SOURCE), "Where people and groups are read from.").required(),
    Key::new("mapping", Shape::Path, "The mapping file.").required(),
    Key::new("target", Shape::Block(TARGET), "The SCIM endpoint that is written to.").required(),
    Key::new("schedule", Shape::Block(SCHEDULE), "When cycles start.").or("{}"),
    Key::new(
        "accidental_deletion",
        Shape::Block(&[
            Key::new("enabled", FLAG, "Whether too many deprovisionings in one cycle are withheld.").or("true"),
            Key::new("threshold", Shape::Count { least: 0 }, "How many deprovisionings a cycle may have.").or("500"),
        ]),
        "Guard against an export that lost half of its people.",
    )
    .or("{}"),
    Key::new("skip_out_of_scope_deletions", FLAG, "Leaves accounts alone that fall out of the scope.").or("false"),
    Key::new(
        "on_missing_target",
        Shape::Choice(&["service", "rematch", "error"]),
        "What happens when a linked account is gone: as the service does, match again always, or never.",
    )
    .or("service"),
    Key::new("references", Shape::Block(REFERENCES), "Managers and members.").or("{}"),
    Key::new("quarantine", Shape::Block(QUARANTINE), "When a job counts as unhealthy.").or("{}"),
    Key::new("escrow", Shape::Block(ESCROW), "How objects that failed are retried.").or("{}"),
    Key::new("logs", Shape::Block(LOGS), "The provisioning log.").or("{}"),
    Key::new("notifications", Shape::Block(NOTIFICATIONS), "Mail about quarantine and withheld deletions.").or("{}"),
];

const SOURCE: &[Key] = &[
    Key::new("directory", Shape::Path, "Folder of CSV, LDIF or JSON exports.").required(),
    Key::new("preset", TEXT, "How columns are named: a preset, the path of a preset file, or `detect`.").or("detect"),
    Key::new(
        "scope",
        Shape::Choice(&["all", "assigned"]),
        "Whether everyone is in scope, or only who is assigned in the source.",
    )
    .or("all"),
    Key::new("include", TEXTS, "Only these people, by anchor or first matching value.").or("[]"),
    Key::new("exclude", TEXTS, "Not these people, by anchor or first matching value.").or("[]"),
    Key::new(
        "mode",
        Shape::Choice(&["auto", "snapshot", "changes"]),
        "Whether a file holds everyone or only what changed.",
    )
    .or("auto"),
    Key::new(
        "files",
        Shape::List(&Shape::Block(&[
            Key::new("match", TEXT, "Glob of the path relative to the folder.").required(),
            Key::new(
                "role",
                Shape::Choice(&["objects", "deleted", "groups", "assignments", "changes"]),
                "What the records of the file are.",
            ),
            Key::new("preset", TEXT, "Preset of these files."),
        ])),
        "The files to read; by default every file that looks like an export.",
    )
    .or("[]"),
    Key::new("ignore", TEXTS, "Globs of files to leave out.").or("[]"),
    Key::new("recursive", FLAG, "Whether folders inside the folder are read.").or("false"),
    Key::new("anchor", TEXT, "Attribute that identifies a person for good; by default the preset's."),
    Key::new("allow_mutable_anchor", FLAG, "Allows an anchor that can change, such as a login name.").or("false"),
    Key::new("encoding", TEXT, "Label of the WHATWG Encoding Standard, or `auto`.").or("auto"),
    Key::new("locale", TEXT, "How day and month are ordered in Entra's CSV files.").or("en-US"),
    Key::new("settle", Shape::Duration { least: "PT0S" }, "How long a file must be unchanged before it is read.")
        .or("PT5S"),
    Key::new("ready", Shape::Choice(&["none", "marker", "manifest"]), "How the exporter says that a file is whole.")
        .or("none"),
    Key::new("max_shrink", Shape::Percent, "An export that shrank by more than this is refused until accepted.")
        .or("50%"),
    Key::new(
        "absences_without_proof",
        Shape::Block(ALLOWANCE_ABSENCES),
        "How many may be absent from an export that cannot be proven complete.",
    )
    .or("{}"),
    Key::new("max_refused", Shape::Block(ALLOWANCE_REFUSED), "How many records of a file may be refused.").or("{}"),
    Key::new(
        "keep_refused",
        FLAG,
        "Keeps the text of refused records in `refused/` beside the state, of the last ten sets.",
    )
    .or("true"),
    Key::new("attributes", Shape::Table(&Shape::Block(ATTRIBUTE)), "Laid over the preset's attributes.").or("{}"),
    Key::new("derived", Shape::Table(&TEXT), "Laid over the preset's derived attributes.").or("{}"),
    Key::new("limits", Shape::Block(LIMITS), "What a file may hold at most.").or("{}"),
    Key::new(
        "soft_delete_retention",
        Shape::Duration { least: "PT0S" },
        "How long a soft-deleted person is kept before the account is deleted.",
    )
    .or("P30D"),
    Key::new("watch", FLAG, "Starts a cycle as soon as a new export has settled.").or("false"),
];

const ALLOWANCE_ABSENCES: &[Key] = &[
    Key::new("count", Shape::Count { least: 0 }, "This many.").or("5"),
    Key::new("percent", Shape::Share, "Or this share, in percent, whichever is more.").or("1"),
];

const ALLOWANCE_REFUSED: &[Key] = &[
    Key::new("count", Shape::Count { least: 0 }, "This many.").or("20"),
    Key::new("percent", Shape::Share, "Or this share, in percent, whichever is more.").or("1"),
];

const ATTRIBUTE: &[Key] = &[
    Key::new("from", TEXTS, "Names in the source; the first that is not empty wins.").required(),
    Key::new("as", TEXT, "How the value is read: `text`, `bool`, `guid-text`, `sid`, `datetime` and others."),
    Key::new("multi", FLAG, "Whether there are several values.").or("false"),
    Key::new("split", TEXTS, "Texts at which one cell is cut into values.").or("[]"),
    Key::new("split_before", TEXTS, "Texts before which one cell is cut into values.").or("[]"),
    Key::new("merge", FLAG, "Joins the values of all names.").or("false"),
    Key::new("skip_first", FLAG, "Leaves the first value out.").or("false"),
];

const LIMITS: &[Key] = &[
    Key::new("line", Shape::Size, "One unfolded LDIF line.").or("10 MiB"),
    Key::new("record", Shape::Size, "One record.").or("16 MiB"),
    Key::new("columns", Shape::Count { least: 1 }, "Columns of a CSV file.").or("4096"),
    Key::new("values", Shape::Count { least: 1 }, "Values of one attribute.").or("100000"),
    Key::new("nesting", Shape::Count { least: 1 }, "Depth of brackets in JSON.").or("64"),
    Key::new("files", Shape::Count { least: 1 }, "Files in the folder.").or("100000"),
    Key::new("total", Shape::Size, "All files together.").or("64 GiB"),
];

pub(super) const TARGET: &[Key] = &[
    Key::new("url", Shape::Url, "Tenant URL, as an administrator would paste it.").required(),
    Key::new("auth", Shape::OneOf { one: AUTH, beside: AUTH_BESIDE }, "How we authenticate; one of the methods.")
        .required(),
    Key::new("profile", Shape::Choice(&["generic", "kintone"]), "Which product the target is.").or("generic"),
    Key::new(
        "dialect",
        Shape::Choice(&["entra", "entra-legacy", "entra-2020", "okta-oin", "okta-aiw", "strict"]),
        "How SCIM is spoken; `entra` follows the flag in the URL.",
    )
    .or("entra"),
    Key::new("rate", Shape::Or("none", &Shape::Count { least: 1 }), "Requests a second; `none` is no limit.").or("25"),
    Key::new("concurrency", Shape::Count { least: 1 }, "Requests in flight.").or("4"),
    Key::new("timeout", Shape::Duration { least: "PT1S" }, "Time that one exchange may take.").or("PT30S"),
    Key::new("allow_insecure_http", FLAG, "Allows plain `http://` beyond this machine.").or("false"),
    Key::new("ca_file", Shape::Path, "More certificate authorities, as PEM."),
    Key::new(
        "client_certificate",
        Shape::Block(&[
            Key::new("file", Shape::Path, "The certificate, as PEM.").required(),
            Key::new("key", Shape::Secret, "Its private key, as PEM.").required(),
        ]),
        "Certificate that we present.",
    ),
    Key::new("proxy", Shape::Or("environment", &Shape::Or("none", &Shape::Url)), "The proxy to go through.")
        .or("environment"),
    Key::new("supports_soft_delete", FLAG, "Whether an account can be disabled; otherwise it is deleted.").or("true"),
    Key::new(
        "verify_writes",
        Shape::Choice(&["answer", "read-back", "off"]),
        "Whether a write is checked against the answer, by reading back, or not.",
    )
    .or("answer"),
    Key::new("options", Shape::Block(OPTIONS), "Points that the public record leaves open.").or("{}"),
];

const CLIENT_ID: Key = Key::new("client_id", TEXT, "Identifier of the client.").required();
const CLIENT_SECRET: Key = Key::new("client_secret", Shape::Secret, "Secret of the client.").required();
const TOKEN_URL: Key = Key::new("token_url", Shape::Url, "Token endpoint.").required();
const SCOPE: Key = Key::new("scope", TEXT, "Scope to ask for.");

const AUTH: &[Key] = &[
    Key::new("bearer", Shape::Secret, "A static token."),
    Key::new(
        "oauth2",
        Shape::Block(&[
            TOKEN_URL,
            CLIENT_ID,
            CLIENT_SECRET,
            SCOPE,
            Key::new("client_auth", Shape::Choice(&["body", "basic"]), "Where identifier and secret are sent.")
                .or("body"),
        ]),
        "OAuth 2 client credentials.",
    ),
    Key::new(
        "federated",
        Shape::Block(&[
            TOKEN_URL,
            CLIENT_ID,
            SCOPE,
            Key::new("key", Shape::Secret, "Private key that signs the assertion, as PEM.").required(),
            Key::new("audience", TEXT, "Audience of the assertion; by default `api://` and the client's identifier."),
            Key::new("tenant", TEXT, "Tenant that the assertion names; by default the client's identifier."),
            Key::new("object_id", TEXT, "Subject of the assertion; by default the client's identifier."),
        ]),
        "Workload identity federation (RFC 7523).",
    ),
    Key::new(
        "refresh",
        Shape::Block(&[
            TOKEN_URL,
            CLIENT_ID,
            CLIENT_SECRET,
            Key::new("token", Shape::Secret, "The refresh token.").required(),
        ]),
        "OAuth 2 refresh token.",
    ),
    Key::new(
        "basic",
        Shape::Block(&[
            Key::new("user", TEXT, "User name.").required(),
            Key::new("password", Shape::Secret, "Password.").required(),
        ]),
        "User name and password (RFC 7617); Entra's dialects do not know it.",
    ),
    Key::new("header", Shape::Secret, "The whole value of `Authorization`; Okta's dialects only."),
];

const AUTH_BESIDE: &[Key] =
    &[Key::new("expires", Shape::Date, "When the credentials end; warns 30 and 7 days before.")];

const OPTIONS: &[Key] = &[
    Key::new("passthrough_query", FLAG, "Appends the URL's other query items to every request.").or("false"),
    Key::new("on_demand_ignores_flag", FLAG, "On-demand runs ignore `aadOptscim062020`, as the service does.")
        .or("false"),
    Key::new("pass_flags", FLAG, "Appends the URL's flags to every request.").or("false"),
    Key::new("accept", TEXT, "The `Accept` header; `none` sends none. By default as the dialect does."),
    Key::new("user_agent", TEXT, "The `User-Agent` header. By default as the dialect does."),
    Key::new("probe_style", Shape::Choice(&["guid", "prefixed"]), "Name of the object that cannot exist in a probe.")
        .or("guid"),
    Key::new("probe_every_cycle", FLAG, "Tests the connection before every cycle.").or("false"),
    Key::new("primary_on_work", TEXTS, "Attributes whose work element is marked as primary on create.").or("[emails]"),
    Key::new("primary_as_string", FLAG, "Sends `primary` as a text.").or("false"),
    Key::new("empty_roles", FLAG, "Sends an empty `roles` on create.").or("false"),
    Key::new("manager_in_create", FLAG, "Sends the manager with the create where it is known.").or("false"),
    Key::new("manager_form", Shape::Choice(&["string", "object", "array"]), "How the manager is written."),
    Key::new("manager_removal", Shape::Choice(&["value", "filter", "path"]), "How a manager is taken away."),
    Key::new("adscim_group_schema", FLAG, "Names Microsoft's second group schema on create.").or("true"),
    Key::new("empty_members_in_create", FLAG, "Sends an empty `members` with a new group.").or("false"),
    Key::new("single_plain", Shape::Choice(&["path", "pathless"]), "How one plain attribute alone is sent.").or("path"),
    Key::new("member_batch", Shape::Count { least: 1 }, "Members in one request. By default as the dialect does."),
    Key::new("member_ref_null", FLAG, "Sends `\"$ref\": null` with members.").or("false"),
    Key::new("full_push", FLAG, "Sends every attribute with each update.").or("false"),
    Key::new("members_pathless", FLAG, "Sends members without a path.").or("false"),
    Key::new("okta_password", FLAG, "Sends a throw-away password on create where the dialect has one."),
    Key::new("honour_retry_after", FLAG, "Waits as long as the target asks for.").or("true"),
];

const SCHEDULE: &[Key] = &[
    Key::new("interval", Shape::Duration { least: "PT1M" }, "Time from the start of one cycle to that of the next.")
        .or("PT40M"),
    Key::new("cron", TEXT, "Fixed hours instead, as minute, hour, day, month and weekday: `0 6,18 * * *`."),
];

const REFERENCES: &[Key] =
    &[Key::new("resolve_later", FLAG, "Sets a manager or member as soon as the other object is provisioned.")
        .or("true")];

const QUARANTINE: &[Key] = &[
    Key::new("minimum_failures", Shape::Count { least: 0 }, "Failures below which the share is not looked at.")
        .or("5000"),
    Key::new("proportion", Shape::Percent, "Share of failed objects.").or("40%"),
    Key::new("base_threshold", Shape::Count { least: 0 }, "Failures, references not counted.").or("40000"),
    Key::new("total_threshold", Shape::Count { least: 0 }, "Failures, references counted.").or("60000"),
];

const ESCROW: &[Key] = &[
    Key::new(
        "first_retry",
        Shape::Or("next-cycle", &Shape::Duration { least: "PT0S" }),
        "When a failed object is first tried again; `PT6H` leaves out the next cycle.",
    )
    .or("next-cycle"),
    Key::new("strict_expiry", FLAG, "Disables the job when one object failed for 28 days, as the text says.")
        .or("false"),
];

const LOGS: &[Key] = &[
    Key::new("retention", Shape::Duration { least: "PT0S" }, "How long records are kept.").or("P30D"),
    Key::new("verbose_skips", FLAG, "Also records objects that needed nothing.").or("false"),
];

const NOTIFICATIONS: &[Key] = &[
    Key::new("enabled", FLAG, "Whether mail is sent.").or("false"),
    Key::new("recipients", TEXTS, "Who gets it.").or("[]"),
    Key::new(
        "smtp",
        Shape::Block(&[
            Key::new("host", TEXT, "Mail server.").required(),
            Key::new("port", Shape::Count { least: 1 }, "Its port.").or("587"),
            Key::new("from", TEXT, "Sender.").required(),
            Key::new("user", TEXT, "User name."),
            Key::new("password", Shape::Secret, "Password."),
        ]),
        "The server that mail is sent through.",
    ),
];
