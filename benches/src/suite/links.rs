//! The links that tools are compared over.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use crate::link::rate::Rate;

/// A kind of link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkKind {
    /// Name in tables and on the command line.
    pub name: String,
    rate: Option<(Rate, Duration)>,
    /// Words before every remote command, that lead to another place.
    through: Option<String>,
}

impl LinkKind {
    /// Whether what runs at the far end descends from the link.
    pub fn far_is_here(&self) -> bool {
        self.through.is_none()
    }

    /// The remote shell: `own` is this program, the others are where reports go and how much of a
    /// processor the far end gets.
    pub fn words(&self, own: &Path, link: &Path, meter: &Path, cpu: Option<f64>) -> Vec<String> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut words = vec![text(own), "link".into()];
        words.push(format!("--report={}", text(link)));
        words.push(format!("--meter={}", text(meter)));
        words.extend(cpu.map(|cpu| format!("--cpu={cpu}")));
        if let Some((rate, delay)) = self.rate {
            words.push(format!("--rate={rate}"));
            words.push(format!("--delay={}ms", delay.as_millis()));
        }
        if let Some(through) = &self.through {
            // A remote shell is split at blanks, so this must have none.
            words.push(format!("--through={}", through.replace(' ', ",")));
        }
        words
    }
}

/// The links that are always known.
pub(super) fn known() -> Vec<LinkKind> {
    let far = |name: &str, rate: &str| LinkKind {
        name: name.into(),
        rate: rate
            .parse()
            .ok()
            .map(|rate| (rate, Duration::from_millis(20))),
        through: None,
    };
    let pipe = LinkKind {
        name: "pipe".into(),
        rate: None,
        through: None,
    };
    vec![pipe, far("100m", "100mbit"), far("1g", "1gbit")]
}

impl FromStr for LinkKind {
    type Err = String;

    /// Understands `NAME=COMMAND`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, command) = text
            .split_once('=')
            .filter(|(name, command)| !name.is_empty() && !command.trim().is_empty())
            .ok_or("it has to be NAME=COMMAND, such as exec='kubectl exec -i pod --'")?;
        if command.contains([',', '"', '\'']) {
            return Err("the command must not have commas or quotes".into());
        }
        Ok(Self {
            name: name.into(),
            rate: None,
            through: Some(command.split_whitespace().collect::<Vec<_>>().join(" ")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_becomes_a_remote_shell_without_blanks_in_its_words() {
        let paths = [Path::new("/bin/b"), Path::new("/l"), Path::new("/m")];
        let kind: LinkKind = "exec=kubectl exec  -i pod --".parse().unwrap();
        let words = kind.words(paths[0], paths[1], paths[2], Some(0.5));
        let expected =
            "/bin/b link --report=/l --meter=/m --cpu=0.5 --through=kubectl,exec,-i,pod,--";
        assert_eq!(words.join(" "), expected);
        let far = known().remove(1).words(paths[0], paths[1], paths[2], None);
        assert!(far.ends_with(&["--rate=100mbit".into(), "--delay=20ms".into()]));
    }

    #[test]
    fn a_link_without_name_or_command_is_refused() {
        for text in ["exec", "=x", "exec= ", "exec=sh -c 'a'"] {
            assert!(text.parse::<LinkKind>().is_err(), "{text}");
        }
    }
}
