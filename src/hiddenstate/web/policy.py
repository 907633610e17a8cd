"""The content security policy of a page that is one file."""

import base64
import hashlib


def policy(css: str, *scripts: str) -> str:
    """Return the content security policy: this style and these scripts, embedded pictures, no
    more."""
    hashes = " ".join(f"'{_hash(script)}'" for script in scripts)
    return (
        f"default-src 'none'; img-src data:; style-src '{_hash(css)}'; script-src {hashes}; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
