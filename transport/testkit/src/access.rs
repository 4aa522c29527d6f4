//! Who may do what: one user, and what is denied.

use std::collections::BTreeSet;

/// The rights of whoever asks. There is one user: kubectl sends no credentials without TLS.
#[derive(Debug, Default, Clone)]
pub(crate) struct Access {
    /// Pairs of verb and resource; `*` stands for any.
    denied: BTreeSet<(String, String)>,
    /// Whether credentials are refused altogether.
    pub(crate) is_expired: bool,
}

impl Access {
    pub(crate) fn deny(&mut self, verb: &str, resource: &str) {
        self.denied.insert((verb.to_owned(), resource.to_owned()));
    }

    pub(crate) fn allow(&mut self, verb: &str, resource: &str) {
        self.denied.remove(&(verb.to_owned(), resource.to_owned()));
    }

    /// Whether `verb` is allowed on `resource` (`pods`, `pods/exec`).
    pub(crate) fn allows(&self, verb: &str, resource: &str) -> bool {
        let any = "*";
        ![(verb, resource), (any, resource), (verb, any), (any, any)]
            .iter()
            .any(|(verb, resource)| {
                self.denied
                    .contains(&((*verb).to_owned(), (*resource).to_owned()))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_denied_is_refused_and_nothing_else() {
        let mut access = Access::default();
        access.deny("get", "pods/exec");
        access.deny("*", "secrets");
        assert!(!access.allows("get", "pods/exec"));
        assert!(access.allows("create", "pods/exec"));
        assert!(access.allows("get", "pods"));
        assert!(!access.allows("list", "secrets"));
        access.allow("get", "pods/exec");
        assert!(access.allows("get", "pods/exec"));
    }
}
