"""What a SCIM server must hold after the cycles, worked out from the exports alone.

This knows nothing of the program under test: it reads the CSV of each day with Python's own reader and applies what
mappings/scim.yaml says in words of its own.
"""
import csv
import pathlib
import unicodedata

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def column(name):
    return lambda row: row.get(name, "")


def joined(*names):
    return lambda row: " ".join(row[name] for name in names if row.get(name))


# Target path -> the value that a row of the portal's user download gives it; "" is no value.
# None stands for `active`, which is not a column but the outcome of scope and state.
# Of the attributes of the mapping that the portal's download has no column for, there is never a value.
ATTRIBUTES = {
    "userName": column("userPrincipalName"),
    "active": None,
    "displayName": column("displayName"),
    "title": column("jobTitle"),
    'emails[type eq "work"].value': column("mail"),
    "preferredLanguage": column("preferredLanguage"),
    "name.givenName": column("givenName"),
    "name.familyName": column("surname"),
    "name.formatted": joined("givenName", "surname"),
    'addresses[type eq "work"].formatted': column("officeLocation"),
    'addresses[type eq "work"].streetAddress': column("streetAddress"),
    'addresses[type eq "work"].locality': column("city"),
    'addresses[type eq "work"].region': column("state"),
    'addresses[type eq "work"].postalCode': column("postalCode"),
    'addresses[type eq "work"].country': column("country"),
    'phoneNumbers[type eq "work"].value': column("telephoneNumber"),
    'phoneNumbers[type eq "mobile"].value': column("mobilePhone"),
    'phoneNumbers[type eq "fax"].value': column("facsimileTelephoneNumber"),
    "externalId": column("mailNickname"),
    f"{ENTERPRISE}:employeeNumber": column("employeeId"),
    f"{ENTERPRISE}:department": column("department"),
    f"{ENTERPRISE}:manager": column("manager"),
}


def rows(path):
    with open(path, encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            yield {name: unicodedata.normalize("NFC", value or "") for name, value in row.items()}


class Expected:
    """The accounts that the target must hold, by the identifier of the person in the source."""

    def __init__(self, paths):
        self.paths = [path for path in paths if path != "active"]
        self.accounts = {}

    def after(self, folder):
        """Takes in the export of one more day; returns how many are created and how many disabled."""
        folder = pathlib.Path(folder)
        created, seen = 0, set()
        for row in rows(folder / "users.csv"):
            if row["accountEnabled"] != "True":
                continue
            seen.add(row["id"])
            account = self.accounts.get(row["id"])
            if account is None:
                account = self.accounts[row["id"]] = {}
                created += 1
            account["active"] = True
            for path in self.paths:
                value = ATTRIBUTES[path](row)
                if value:
                    # A value that is gone at the source is not cleared in the target.
                    account[path] = value
        # Disabled, in the recycle bin, or gone without a trace: the account stays and is inactive; nothing else of it changes.
        gone = [account for person, account in self.accounts.items() if person not in seen and account["active"]]
        for account in gone:
            account["active"] = False
        return created, len(gone)
