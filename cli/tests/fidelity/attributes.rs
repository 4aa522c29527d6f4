//! Modes, times, owners, extended attributes, access control lists.

/// Runs a command as somebody without rights.
pub(crate) const AS_NOBODY: [&str; 4] = [
    "setpriv",
    "--reuid=nobody",
    "--regid=nogroup",
    "--clear-groups",
];
