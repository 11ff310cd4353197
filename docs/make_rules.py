"""Write ``docs/rules.md``: every rule that ships, and what the default policy does by it."""

from pathlib import Path

from csaclean.policy.policies import load_policy
from csaclean.registry import installed
from csaclean.report.show import policy_lines

__all__ = ["main", "page"]

_PAGE = Path(__file__).with_name("rules.md")
_HEAD = """\
# Rules

What `csaclean policy show converter-safe` prints; `strict` and `dead-space` go by the same rules and other matrices. Classes, forms
and the order of rules are explained in [policies.md](policies.md). The tables themselves, each rule with its source, are the TOML
files of [handlers/csaclean_handlers/siemens/rules](../handlers/csaclean_handlers/siemens/rules).

```text
"""


def page() -> str:
    """Return the page."""
    return "\n".join((_HEAD + "\n".join(policy_lines(load_policy("converter-safe"), installed())), "```\n"))


def main() -> None:
    """Write the page."""
    _PAGE.write_text(page(), "utf-8")


if __name__ == "__main__":
    main()
