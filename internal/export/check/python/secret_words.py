"""Finds what looks like a secret in files, with the detectors of detect-secrets. The secrets themselves are not told."""
import re

from detect_secrets.core import scan
from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.settings import transient_settings

OTHER = ("IPPublicDetector",)  # an address is no secret
# What is plainly no secret. The filters by comments in the file, and those that ask services, are left out.
FILTERS = (
    "is_sequential_string",
    "is_potential_uuid",
    "is_likely_id_string",
    "is_templated_secret",
    "is_prefixed_with_dollar_sign",
    "is_indirect_reference",
    "is_not_alphanumeric_string",
)
NAMED = re.compile(r"key|token|secret|passw|pwd|credential|auth|bearer", re.IGNORECASE)


def find(paths):
    """Returns {file, line, kind, named}; named tells that what stands before it speaks of a key or the like."""
    classes = {c.secret_type: c.__name__ for c in get_mapping_from_secret_type_to_class().values()}
    settings = {
        "plugins_used": [{"name": name} for name in sorted(classes.values()) if name not in OTHER],
        "filters_used": [{"path": "detect_secrets.filters.heuristic." + name} for name in FILTERS],
    }
    found = []
    with transient_settings(settings):
        for path in paths:
            lines = text(path)
            for secret in scan.scan_file(path) if lines else ():
                said = lines[secret.line_number - 1] if secret.line_number <= len(lines) else ""
                found.append({"file": path, "line": secret.line_number, "kind": secret.type, "named": bool(NAMED.search(said.partition(secret.secret_value or "")[0]))})
    return found


def text(path):
    """The lines of a text file; none of a binary one."""
    with open(path, "rb") as f:
        data = f.read()
    try:
        return [] if b"\0" in data else data.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        return []
