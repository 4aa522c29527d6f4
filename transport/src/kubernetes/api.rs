//! The Kubernetes API as far as it is needed here: a few requests, by whichever way in.

use serde::de::DeserializeOwned;

use super::objects::List;
use super::problem::Problem;

/// Most bytes of one answer. A list of ten thousand pods has about this size.
pub(crate) const MAX_ANSWER: usize = 64 << 20;

/// What is to be done with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// POST.
    Create,
    /// PATCH, by strategic merge.
    Patch,
}

/// A way to ask the API server.
pub(crate) trait Api: Send + Sync {
    /// The namespace where the user is, if he names none.
    fn namespace(&self) -> Result<String, Problem>;

    /// The answer to a GET of this path, which may have a query.
    fn get(&self, path: &str) -> Result<Vec<u8>, Problem>;

    /// The answer to an object that is sent to this path.
    fn send(&self, method: Method, path: &str, object: &[u8]) -> Result<Vec<u8>, Problem>;
}

/// One object.
pub(crate) fn object<T: DeserializeOwned>(api: &dyn Api, path: &str) -> Result<T, Problem> {
    parse(&api.get(path)?)
}

/// The objects with certain labels; an empty selector is for all of them.
pub(crate) fn list<T: DeserializeOwned>(
    api: &dyn Api,
    path: &str,
    selector: &str,
) -> Result<Vec<T>, Problem> {
    let answer = match selector {
        "" => api.get(path)?,
        selector => api.get(&format!("{path}?labelSelector={}", escape_query(selector)))?,
    };
    parse::<List<T>>(&answer).map(|list| list.items)
}

pub(crate) fn parse<T: DeserializeOwned>(answer: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(answer).map_err(|error| Problem::Answer {
        message: error.to_string(),
    })
}

/// A problem from what the server says about it.
pub(crate) fn problem_of(code: u16, message: &str) -> Problem {
    let message = message.to_owned();
    match code {
        401 => Problem::Unauthorized { message },
        403 => Problem::Forbidden { message },
        404 => Problem::NoSuch { what: message },
        code => Problem::Server { code, message },
    }
}

/// Percent-encodes everything but unreserved characters (RFC 3986, 2.3).
pub(crate) fn escape_query(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
pub(crate) mod testing {
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    use super::*;

    /// Answers from a table, and remembers what was asked.
    #[derive(Default)]
    pub(crate) struct Table {
        answers: BTreeMap<String, Result<String, Problem>>,
        pub(crate) asked: Mutex<Vec<String>>,
    }

    impl Table {
        pub(crate) fn with(mut self, path: &str, answer: serde_json::Value) -> Self {
            self.answers.insert(path.into(), Ok(answer.to_string()));
            self
        }

        pub(crate) fn refusing(mut self, path: &str, problem: Problem) -> Self {
            self.answers.insert(path.into(), Err(problem));
            self
        }
    }

    impl Api for Table {
        fn namespace(&self) -> Result<String, Problem> {
            Ok("home".into())
        }

        fn get(&self, path: &str) -> Result<Vec<u8>, Problem> {
            self.asked.lock().unwrap().push(path.to_owned());
            match self.answers.get(path) {
                Some(answer) => answer.clone().map(String::into_bytes),
                None => Err(problem_of(404, "not found")),
            }
        }

        fn send(&self, _: Method, path: &str, _: &[u8]) -> Result<Vec<u8>, Problem> {
            self.get(path)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_escaped_in_a_query() {
        assert_eq!(
            escape_query("app in (a,b),x!=&y"),
            "app%20in%20%28a%2Cb%29%2Cx%21%3D%26y"
        );
    }

    #[test]
    fn the_status_says_what_kind_of_problem_it_is() {
        assert!(matches!(problem_of(401, ""), Problem::Unauthorized { .. }));
        assert!(matches!(problem_of(403, ""), Problem::Forbidden { .. }));
        assert!(matches!(problem_of(404, ""), Problem::NoSuch { .. }));
        assert!(matches!(
            problem_of(500, ""),
            Problem::Server { code: 500, .. }
        ));
    }

    #[test]
    fn nonsense_is_a_problem_and_no_crash() {
        let error = parse::<List<u8>>(b"<html>").unwrap_err();
        assert!(matches!(error, Problem::Answer { .. }));
    }
}
