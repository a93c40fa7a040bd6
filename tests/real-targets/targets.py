"""What is particular about each server, each with the reason."""

# The portal's user download has no column for the manager and some others, so the mapping never has a value for them.
# They stay in the mapping: an attribute without a value must not be sent.

_NO_MOBILE = (
    "a PATCH of `phoneNumbers[type eq \"mobile\"].value` on a person without a mobile number is answered 400 noTarget; "
    "Entra sends just that"
)
TARGETS = {
    "scim2-server": {
        "needs": ["python3"],
        # Without the flag: the older form, capitalised operations and booleans as text.
        "flag": "",
        "concurrency": 8,
        "managers": True,
        "without": {'phoneNumbers[type eq "mobile"].value': _NO_MOBILE},
        "explained": {},
    },
    "scimmy": {
        "needs": ["node", "npm"],
        # `active` as the text "False" is answered 400, so the 2020 form.
        "flag": "?aadOptscim062020",
        "concurrency": 4,
        "managers": True,
        "without": {'phoneNumbers[type eq "mobile"].value': _NO_MOBILE},
        "explained": {},
    },
    "better-auth": {
        "needs": ["node", "npm"],
        "flag": "",
        "concurrency": 4,
        "managers": False,
        "without": {},
        "explained": {},
    },
}
