//! Which names of pods, containers, users and hosts go on a command line.
//!
//! None of them begins with a hyphen, so none can be taken for an option (CVE-2014-8990 and its
//! many kin); none holds a space, a control character or anything that a shell treats specially.

/// A pod's name: a DNS subdomain (RFC 1123), at most 253 bytes.
pub(crate) fn is_dns_subdomain(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_dns_label_of_any_length)
}

/// A namespace's or container's name: a DNS label (RFC 1123), at most 63 bytes.
pub(crate) fn is_dns_label(name: &str) -> bool {
    name.len() <= 63 && is_dns_label_of_any_length(name)
}

fn is_dns_label_of_any_length(name: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.bytes().all(|byte| alphanumeric(byte) || byte == b'-')
        && name.bytes().next().is_some_and(alphanumeric)
        && name.bytes().last().is_some_and(alphanumeric)
}

/// A kind of Kubernetes resource that leads to a pod: `deploy`, `statefulset.apps`.
pub(crate) fn is_resource_kind(name: &str) -> bool {
    is_dns_subdomain(name)
}

/// A container's name or identifier in docker and podman (`[a-zA-Z0-9][a-zA-Z0-9_.-]*`).
pub(crate) fn is_container(name: &str) -> bool {
    name.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
        && name
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric())
}

/// A host for ssh or another remote shell: a name, an address, or an alias of the user's
/// configuration.
pub(crate) fn is_host(name: &str) -> bool {
    name.chars()
        .all(|c| c.is_alphanumeric() || "_.-:%".contains(c))
        && name
            .chars()
            .next()
            .is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
}

/// A user's name on another host.
pub(crate) fn is_user(name: &str) -> bool {
    name.chars()
        .all(|c| c.is_alphanumeric() || "_.-+@\\".contains(c))
        && name
            .chars()
            .next()
            .is_some_and(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &[&str] = &[
        "",
        "-rf",
        "--rsync-path=x",
        "a b",
        "a;b",
        "a\nb",
        "a\0b",
        "$(id)",
        "`id`",
        "a'b",
        "a\"b",
        "a|b",
        "a&b",
        "a>b",
        "a*",
        "a/b",
        "\x1b[2J",
        "a\u{202e}b",
    ];

    #[test]
    fn p13_no_kind_of_name_accepts_an_option_or_a_shell_word() {
        let kinds = [
            is_dns_subdomain,
            is_dns_label,
            is_resource_kind,
            is_container,
            is_host,
            is_user,
        ];
        for hostile in HOSTILE {
            assert!(kinds.iter().all(|accepts| !accepts(hostile)), "{hostile:?}");
        }
    }

    #[test]
    fn ordinary_names_are_accepted() {
        assert!(is_dns_subdomain("web-0") && is_dns_subdomain("a.b-c.1"));
        assert!(is_dns_label("kube-system") && !is_dns_label("Web") && !is_dns_label("a-"));
        assert!(!is_dns_label(&"a".repeat(64)) && !is_dns_subdomain(&"a".repeat(254)));
        assert!(is_container("my_db.1-x") && is_container("5f3C"));
        assert!(is_host("::1") && is_host("fe80::1%eth0") && is_host("my_host.example.org"));
        assert!(is_user("dev") && is_user("_svc") && is_user("a.b@corp"));
    }
}
