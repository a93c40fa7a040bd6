//! Change records (sources.md 9.2, 9.5).

use std::iter::Peekable;

use super::super::RecordFault;
use super::decode::{Cut, LdifDecoder, Spec, cut, is_keyword, unexpected};
use super::dn::{is_dn, is_rdn};
use super::lines::{Line, Lines};
use crate::source::raw::{LdifChange, Modification, ModifyOperation, RawAttribute};

/// Controls that may be critical: tree delete, and ManageDsaIT, neither of which changes what an export means.
const HARMLESS_CONTROLS: &[&str] = &[TREE_DELETE, "2.16.840.1.113730.3.4.2"];
const TREE_DELETE: &str = "1.2.840.113556.1.4.805";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChangeType {
    Add,
    Delete { tree: bool },
    Modify,
    Rename,
}

type Rest<'a> = Peekable<Lines<'a>>;

/// Takes the controls and the `changetype:` that make a record a change.
pub(super) fn change_type(lines: &mut Rest<'_>, record: u64) -> Result<Option<ChangeType>, RecordFault> {
    let mut controlled = None;
    let mut tree = false;
    while let Some(line) = lines.next_if(|line| names(line, "control")) {
        controlled = Some(line.number);
        tree |= check_control(&line, record)?;
    }
    let Some(line) = lines.next_if(|line| names(line, "changetype")) else {
        return match controlled {
            Some(at) => {
                Err(RecordFault::new(record, "ldif.changetype", "a control stands before no `changetype:`").at(at))
            }
            None => Ok(None),
        };
    };
    let kind = match cut(&line, record)?.spec {
        Spec::Text(text) => match text.trim_ascii_end().to_ascii_lowercase().as_slice() {
            b"add" => Some(ChangeType::Add),
            b"delete" => Some(ChangeType::Delete { tree }),
            b"modify" => Some(ChangeType::Modify),
            b"modrdn" | b"moddn" => Some(ChangeType::Rename),
            _ => None,
        },
        Spec::Base64(_) | Spec::Url(_) => None,
    };
    match kind {
        Some(kind) => Ok(Some(kind)),
        None => {
            let message = "the change type is none of `add`, `delete`, `modify`, `modrdn` and `moddn`";
            Err(RecordFault::new(record, "ldif.changetype", message).at(line.number))
        }
    }
}

/// Reads the rest of a change; an added entry goes into `attributes`.
pub(super) fn read<'a>(
    decoder: &mut LdifDecoder,
    kind: ChangeType,
    lines: &mut Rest<'a>,
    attributes: &mut Vec<RawAttribute<'a>>,
    record: u64,
) -> Result<LdifChange, RecordFault> {
    match kind {
        ChangeType::Add => {
            for line in lines {
                decoder.add_line(line, attributes, record)?;
            }
            Ok(LdifChange::Add)
        }
        ChangeType::Delete { tree } => match lines.next() {
            Some(line) => Err(unexpected(record, line.number)),
            None => Ok(LdifChange::Delete { tree }),
        },
        ChangeType::Modify => modify(decoder, lines, record).map(LdifChange::Modify),
        ChangeType::Rename => rename(decoder, lines, record),
    }
}

fn modify(decoder: &mut LdifDecoder, lines: &mut Rest<'_>, record: u64) -> Result<Vec<Modification>, RecordFault> {
    let mut modifications = Vec::new();
    let mut values = 0;
    while let Some(head) = lines.next() {
        let at = head.number;
        let cut_head = cut(&head, record)?;
        let operation = match cut_head.name.to_ascii_lowercase().as_slice() {
            b"add" => ModifyOperation::Add,
            b"delete" => ModifyOperation::Delete,
            b"replace" => ModifyOperation::Replace,
            b"increment" => ModifyOperation::Increment,
            _ => return Err(unexpected(record, at)),
        };
        let Spec::Text(named) = cut_head.spec else { return Err(unexpected(record, at)) };
        let part = Cut { name: named.trim_ascii_end(), spec: Spec::Text(b"") };
        let (attribute, slot, _) = decoder.value(&part, record, at)?;
        let mut modification = Modification { operation, attribute: (*attribute).into(), values: Vec::new(), line: at };
        loop {
            let Some(line) = lines.next() else {
                let message = "a part of the change is not ended by a line `-`";
                return Err(RecordFault::new(record, "ldif.unexpected_line", message).at(at));
            };
            if line.text.trim_ascii_end() == b"-" {
                break;
            }
            let (_, value_slot, value) = decoder.value(&cut(&line, record)?, record, line.number)?;
            if value_slot != slot {
                return Err(unexpected(record, line.number));
            }
            values += 1;
            if values > decoder.value_limit() {
                let message = format!("the change has more than {} values", decoder.value_limit());
                return Err(RecordFault::new(record, "limit.values", message).at(line.number));
            }
            modification.values.push(value);
        }
        modifications.push(modification);
    }
    Ok(modifications)
}

fn rename(decoder: &mut LdifDecoder, lines: &mut Rest<'_>, record: u64) -> Result<LdifChange, RecordFault> {
    let (new_rdn, at) = required(decoder, lines, "newrdn", record)?;
    if !is_rdn(&new_rdn) {
        let message = "the text after `newrdn:` is no relative distinguished name";
        return Err(RecordFault::new(record, "ldif.dn", message).at(at).of_attribute("newrdn"));
    }
    let (delete, at) = required(decoder, lines, "deleteoldrdn", record)?;
    let delete_old_rdn = match delete.trim_end_matches(' ') {
        "0" => false,
        "1" => true,
        _ => return Err(unexpected(record, at)),
    };
    let new_superior = match lines.peek() {
        Some(line) if names(line, "newsuperior") => {
            let (superior, at) = required(decoder, lines, "newsuperior", record)?;
            if !is_dn(&superior) {
                let message = "the text after `newsuperior:` is no distinguished name";
                return Err(RecordFault::new(record, "ldif.dn", message).at(at).of_attribute("newsuperior"));
            }
            Some(superior)
        }
        Some(_) | None => None,
    };
    match lines.next() {
        Some(line) => Err(unexpected(record, line.number)),
        None => Ok(LdifChange::Rename { new_rdn, delete_old_rdn, new_superior }),
    }
}

/// Reads the line that must come next.
fn required(
    decoder: &LdifDecoder,
    lines: &mut Rest<'_>,
    name: &str,
    record: u64,
) -> Result<(String, u64), RecordFault> {
    let Some(line) = lines.next() else {
        let message = format!("the change has no line `{name}:`");
        return Err(RecordFault::new(record, "ldif.unexpected_line", message));
    };
    let cut = cut(&line, record)?;
    if !is_keyword(cut.name, &[name]) {
        return Err(unexpected(record, line.number));
    }
    Ok((decoder.text(&cut.spec, name, record, line.number)?.into_owned(), line.number))
}

/// Says whether the control makes a deletion that of a tree.
fn check_control(line: &Line<'_>, record: u64) -> Result<bool, RecordFault> {
    let Spec::Text(text) = cut(line, record)?.spec else { return Err(unexpected(record, line.number)) };
    // oid [ " " criticality ] [ value-spec ]
    let end = text.iter().position(|&byte| byte == b' ' || byte == b':').unwrap_or(text.len());
    let oid = &text[..end];
    let rest = text[end..].trim_ascii_start();
    let word = rest.split(|&byte| byte == b':').next().unwrap_or_default().trim_ascii_end();
    let is_critical = match word.to_ascii_lowercase().as_slice() {
        b"true" => true,
        b"false" | b"" => false,
        _ => return Err(unexpected(record, line.number)),
    };
    if is_critical && !is_keyword(oid, HARMLESS_CONTROLS) {
        let message = "the change has a critical control that is not known here";
        return Err(RecordFault::new(record, "ldif.unexpected_line", message).at(line.number));
    }
    Ok(is_keyword(oid, &[TREE_DELETE]))
}

fn names(line: &Line<'_>, keyword: &str) -> bool {
    line.text.get(keyword.len()) == Some(&b':') && line.text[..keyword.len()].eq_ignore_ascii_case(keyword.as_bytes())
}
