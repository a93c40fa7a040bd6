"""Groups, members and managers against a real SCIM server, over days of churn, compared member by member after each day.

The export is the generator's `slapcat`: people with managers, a group a department. Further groups are added to it here, up to
REAL_GROUPS: each holds a share of the people that is other people each day. What the server must hold is worked out from the
LDIF alone, by a reader of a few lines that knows nothing of the program under test.
"""
import base64
import hashlib
import os
import pathlib
import re
import subprocess

GROUPS = int(os.environ.get("REAL_GROUPS", "50"))
USERS = int(os.environ.get("REAL_GROUP_USERS", "500"))
DAYS = int(os.environ.get("REAL_DAYS", "5"))
SEED = os.environ.get("REAL_SEED", "7")
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
BASE = "ou=people,dc=example,dc=com"

MAPPING = """\
users:
  attributes:
    userName: { source: mail, match: 1 }
    active: Not([IsSoftDeleted])
    displayName: displayName
    externalId: objectId
%sgroups:
  attributes:
    displayName: { source: displayName, match: 1 }
    members: members
"""
MANAGER = "    " + ENTERPRISE + ":manager: manager\n"
CONFIGURATION = """\
state: state.db
jobs:
  - name: real
    source:
      directory: source
      preset: openldap-ldif
    mapping: mapping.yaml
    target:
      url: {url}?aadOptscim062020
      auth:
        bearer: {{ file: token }}
      profile: generic
      dialect: entra
      rate: none
      concurrency: {concurrency}
      options: {{ adscim_group_schema: false, manager_form: object, member_batch: 20 }}
"""


def run(place, url, target, tools):
    """Returns how many differences there were in all days together."""
    with_managers = target["managers"]
    (place / "mapping.yaml").write_text(MAPPING % (MANAGER if with_managers else ""), encoding="utf-8")
    (place / "token").write_text(tools.TOKEN)
    (place / "provisiond.yaml").write_text(CONFIGURATION.format(url=url, concurrency=target["concurrency"]), encoding="utf-8")
    known, differences, earlier = Known(), 0, None
    for day in range(DAYS + 1):
        generate(place / "source", day)
        known.read(place / "source/directory.ldif")
        report = tools.cycle(place, day)
        again = tools.cycle(place, day)
        if again["requests"] != 0:
            raise tools.Trouble(f"day {day}: a cycle with nothing to do sent {again['requests']} requests: {again['counts']}")
        found = compare(known, tools.everyone(url), tools.everyone(url, "Groups"), with_managers)
        members = {(group, member) for group, members in known.members.items() for member in members}
        moved = "" if earlier is None else f", {len(members ^ earlier)} of them come or gone"
        earlier = members
        for line in found[:20]:
            print(f"  {line}")
        managers = f", {known.managed()} managers" if with_managers else ""
        print(f"day {day}: {report['counts']}, {report['requests']} requests; {len(known.accounts)} people, {len(known.members)} groups,"
              f" {len(members)} members{moved}{managers}, compared one by one: {len(found)} differences", flush=True)
        differences += len(found)
    return differences


def generate(folder, day):
    command = [os.environ["GEN_DIRECTORY"], "--users", str(USERS), "--seed", SEED, "--format", "openldap-ldif", "--groups",
               "--out", str(folder)]
    command += ["--churn", "4", "--day", str(day)] if day else []
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    path = pathlib.Path(folder) / "directory.ldif"
    entries = list(read(path))
    people = [entry["dn"][0] for entry in entries if "inetOrgPerson" in entry.get("objectClass", [])]
    with path.open("a", encoding="utf-8") as file:
        for number in range(GROUPS - sum("member" in entry for entry in entries)):
            members = [dn for dn in people if chosen(dn, number, day)]
            if not members:
                continue
            file.write(f"\ndn: cn=Team {number},{BASE}\nobjectClass: groupOfNames\ncn: Team {number}\n"
                       f"entryUUID: 00000000-0000-4000-8000-{number:012d}\n")
            file.writelines(f"member: {dn}\n" for dn in members)


def chosen(dn, number, day):
    """One in twenty stays in the group; of the others one in two hundred is in it for a day."""
    draw = lambda *parts: int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:4], "big")
    return draw(dn, number) % 20 == 0 or draw(dn, number, day) % 200 == 0


def read(path):
    """The entries of an LDIF file, each a list of values by name."""
    for record in re.split(r"\n\n+", path.read_text(encoding="utf-8")):
        entry = {}
        for line in record.replace("\n ", "").splitlines():
            name, _, value = line.partition(":")
            value = base64.b64decode(value[1:]).decode() if value.startswith(":") else value.strip()
            entry.setdefault(name, []).append(value)
        if "dn" in entry:
            yield entry


class Known:
    """What the target must hold after the exports of all days so far."""

    def __init__(self):
        self.accounts = {}

    def read(self, path):
        entries = list(read(path))
        people = {entry["dn"][0]: entry for entry in entries if "inetOrgPerson" in entry.get("objectClass", [])}
        seen = set()
        for entry in people.values():
            if "pwdAccountLockedTime" in entry:
                continue
            mail = entry["mail"][0]
            seen.add(mail)
            account = self.accounts.setdefault(mail, {"manager": None})
            account.update(active=True, displayName=entry["displayName"][0])
        for mail, account in self.accounts.items():
            if mail not in seen:
                account["active"] = False
        mail_of = {dn: entry["mail"][0] for dn, entry in people.items()}
        has_account = lambda dn: mail_of.get(dn) in self.accounts
        for dn, entry in people.items():
            if mail_of[dn] in seen and has_account(entry.get("manager", [""])[0]):
                self.accounts[mail_of[dn]]["manager"] = mail_of[entry["manager"][0]]
        self.members = {
            entry["cn"][0]: {mail_of[dn] for dn in entry.get("member", []) if has_account(dn)}
            for entry in entries if "groupOfNames" in entry.get("objectClass", [])
        }

    def managed(self):
        return sum(account["manager"] is not None for account in self.accounts.values())


def compare(known, users, groups, with_managers):
    """What differs, one line each."""
    lines = []
    name_of = {user["id"]: user["userName"] for user in users}
    found = {user["userName"]: user for user in users}
    for name in sorted(set(known.accounts) ^ set(found)):
        lines.append(f"{name}: an account {'is missing' if name in known.accounts else 'too many'}")
    for name, account in known.accounts.items():
        user = found.get(name)
        if user is None:
            continue
        held = {"active": user.get("active"), "displayName": user.get("displayName")}
        wanted = {"active": account["active"], "displayName": account["displayName"]}
        if with_managers:
            manager = ((user.get(ENTERPRISE) or {}).get("manager") or {}).get("value")
            held["manager"], wanted["manager"] = name_of.get(manager), account["manager"]
        lines.extend(f"{name}: {key} is {held[key]!r} and not {wanted[key]!r}" for key in wanted if held[key] != wanted[key])
    by_name = {}
    for group in groups:
        by_name.setdefault(group["displayName"], []).append(group)
    for name in sorted(set(known.members) ^ set(by_name)):
        lines.append(f"group {name}: {'is missing' if name in known.members else 'too many'}")
    for name, wanted in known.members.items():
        for group in by_name.get(name, []):
            held = [name_of.get(member["value"], member["value"]) for member in group.get("members") or []]
            lines.extend(f"group {name}: {member} is missing" for member in sorted(wanted - set(held)))
            lines.extend(f"group {name}: {member} is too many" for member in sorted(set(held) - wanted))
            lines.extend(f"group {name}: {member} is there twice" for member in sorted(set(held)) if held.count(member) > 1)
        if len(by_name.get(name, [])) > 1:
            lines.append(f"group {name}: there are {len(by_name[name])}")
    return lines
