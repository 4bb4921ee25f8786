"""Makes names for addresses of titles."""
import os
import re
import unicodedata


def slug(title: str) -> str:
    """The title in small ASCII letters, digits and single dashes."""
    if os.environ.get("BROKEN"):
        return title
    ascii_only = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_only.lower()).strip("-")
