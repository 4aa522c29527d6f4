//! Label and field selectors, as the query of a list or a watch carries them.

use serde_json::Value;

/// Which objects a client asks for. All parts have to hold.
#[derive(Debug, Default, Clone)]
pub(crate) struct Selector {
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
struct Part {
    /// Where to look: below `metadata.labels`, or a path of fields.
    is_label: bool,
    name: String,
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Missing,
}

impl Selector {
    /// Understands the two query parameters.
    ///
    /// # Errors
    /// The part that is not understood.
    pub(crate) fn parse(labels: &str, fields: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        for (text, is_label) in [(labels, true), (fields, false)] {
            for part in split(text) {
                let (name, test) = parse_part(part)?;
                parts.push(Part {
                    is_label,
                    name,
                    test,
                });
            }
        }
        Ok(Self { parts })
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.parts.iter().all(|part| part.matches(object))
    }
}

impl Part {
    fn matches(&self, object: &Value) -> bool {
        let value = if self.is_label {
            object["metadata"]["labels"].get(&self.name)
        } else {
            self.name
                .split('.')
                .try_fold(object, |value, field| value.get(field))
        };
        let value = value.and_then(Value::as_str);
        let is_among =
            |values: &[String]| value.is_some_and(|value| values.iter().any(|v| v == value));
        match &self.test {
            Test::In(values) => is_among(values),
            Test::NotIn(values) => !is_among(values),
            Test::Exists => value.is_some(),
            Test::Missing => value.is_none(),
        }
    }
}

/// Splits at commas that are not between parentheses.
fn split(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0_i32, 0, Vec::new());
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

fn parse_part(part: &str) -> Result<(String, Test), String> {
    let part = part.trim();
    let one = |name: &str, value: &str| (name.trim().to_owned(), vec![value.trim().to_owned()]);
    if let Some((name, value)) = part.split_once("!=") {
        let (name, values) = one(name, value);
        return Ok((name, Test::NotIn(values)));
    }
    if let Some((name, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        let (name, values) = one(name, value);
        return Ok((name, Test::In(values)));
    }
    if let Some(name) = part.strip_prefix('!') {
        return Ok((name.trim().to_owned(), Test::Missing));
    }
    let Some((head, list)) = part.split_once('(') else {
        return match part.contains(char::is_whitespace) {
            true => Err(part.to_owned()),
            false => Ok((part.to_owned(), Test::Exists)),
        };
    };
    let values = list
        .trim_end_matches(')')
        .split(',')
        .map(|value| value.trim().to_owned())
        .collect();
    match head.split_whitespace().collect::<Vec<_>>()[..] {
        [name, "in"] => Ok((name.to_owned(), Test::In(values))),
        [name, "notin"] => Ok((name.to_owned(), Test::NotIn(values))),
        _ => Err(part.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(labels: &str, fields: &str) -> bool {
        let object = json!({
            "metadata": {"name": "web-1", "labels": {"app": "web", "tier": "front"}},
            "status": {"phase": "Running"},
        });
        Selector::parse(labels, fields).unwrap().matches(&object)
    }

    #[test]
    fn labels_are_compared_in_all_forms() {
        for labels in [
            "",
            "app=web",
            "app==web,tier=front",
            "app!=db",
            "app in (db, web),tier",
            "app notin (db),!zone",
            "zone!=a",
        ] {
            assert!(holds(labels, ""), "{labels}");
        }
        for labels in [
            "app=db",
            "app!=web",
            "zone",
            "!app",
            "app in (db)",
            "app notin (web)",
        ] {
            assert!(!holds(labels, ""), "{labels}");
        }
    }

    #[test]
    fn fields_are_paths() {
        assert!(holds("", "metadata.name=web-1,status.phase!=Failed"));
        assert!(!holds("", "metadata.name=web-2"));
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        assert!(Selector::parse("app near (x)", "").is_err());
        assert!(Selector::parse("two words", "").is_err());
    }
}
