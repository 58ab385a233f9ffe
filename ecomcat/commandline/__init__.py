"""From what was typed to a typed configuration: quoting, help, completion, and exit codes."""
