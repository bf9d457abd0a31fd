"""What generated requests are kept from, and which complaints about the answers are none.

Each exception says why. What the API itself can do better is mended there.
"""

import os

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData, ServerError
from schemathesis.openapi.checks import RejectedPositiveData, UnsupportedMethodResponse, UseAfterFree

# What the run stands on: the first app and its scripts, by id and by slug.
GROUND = set(os.environ["PICLOUD_GROUND"].split(","))

# With these, the fault is in a script. Most that are generated have one.
SCRIPT_FAILED = {"script_error", "script_limit_exceeded", "script_timeout"}

# A request may keep to the schema and still be refused with one of these: they are about what no schema can say.
BEYOND_SCHEMA = {
    "script_invalid": "whether a source compiles",
    "invalid_domain": "whether IDNA knows a name",
    "domain_not_allowed": "whether a name is a public suffix",
    "host_not_claimed": "which domains the app has claimed",
    "reserved_path": "paths in all their spellings",
    "version_mismatch": "which version is live",
}

# The same for single fields of `validation_failed`.
FIELDS_BEYOND_SCHEMA = {
    "cursor": "opaque: a pattern would promise its form",
    "host": "as `invalid_domain`",
    "path": "braces in pairs, names of parameters, percent-encoding",
    "url": "as `host` and `path`",
    "method": "any token is a method",
    "source": "either this or `script_id`; bytes, where a schema counts characters",
    "version": "only beside `script_id`",
    "script_id": "a script of this app",
    "request": "the parts of an HTTP request, each with the rules of its own",
    "username": "either this or `email`, or what an invitation says",
    "app": "for members alone, and with `app_role`",
    "app_role": "with `app` only",
    "password": "which are the commonest; bytes, where a schema counts characters",
    "since": "a moment that is on the calendar",
    "until": "as `since`",
}


@schemathesis.hook
def filter_case(context, case):
    """Keeps the run from cutting off the branch that it sits on."""
    values = {str(value) for value in (case.path_parameters or {}).values()}
    # A new password would end the session that the requests are sent with.
    changes = {"DELETE", "PATCH"} if case.path.endswith("/admins/{user}") else {"DELETE"}
    return case.method.upper() not in changes or not values & GROUND


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Drops what is no fault."""
    if case.path.startswith("/api/v1/execute/") and is_of_the_script(failure, response):
        return False
    # The app has another slug. What is wrong with the request is said where it leads.
    if isinstance(failure, AcceptedNegativeData) and response.status_code == 308:
        return False
    # That a valid request was refused, where only the server could know that it was not.
    return not (isinstance(failure, RejectedPositiveData) and is_beyond_schema(response.json()))


def is_of_the_script(failure, response):
    """Whether the script is to answer for it: it takes every method, keeps nothing, and may fail."""
    if isinstance(failure, (UnsupportedMethodResponse, UseAfterFree)):
        return True
    return isinstance(failure, ServerError) and response.json()["code"] in SCRIPT_FAILED


def is_beyond_schema(problem):
    if problem["code"] != "validation_failed":
        return problem["code"] in BEYOND_SCHEMA
    fields = {error["field"].split(".")[0] for error in problem["errors"]}
    return fields <= FIELDS_BEYOND_SCHEMA.keys()
