//! What was found out, one sentence each.

use std::fmt;

/// Whether a finding is good news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Pass,
    /// Not as it should be, but a pull works all the same.
    Note,
    /// A pull would fail.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whether it is as it should be.
    pub verdict: Verdict,
    /// What was found; escaped.
    pub what: String,
    /// What to do about it, if there is anything to be done.
    pub fix: Option<String>,
}

impl Finding {
    pub(crate) fn pass(what: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Pass,
            what: what.into(),
            fix: None,
        }
    }

    pub(crate) fn note(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Note,
            what: what.into(),
            fix: Some(fix.into()),
        }
    }

    pub(crate) fn fail(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Fail,
            what: what.into(),
            fix: Some(fix.into()),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.verdict {
            Verdict::Pass => "pass  ",
            Verdict::Note => "note  ",
            Verdict::Fail => "FAIL  ",
        })?;
        f.write_str(&self.what)?;
        match &self.fix {
            Some(fix) => write!(f, ": {fix}"),
            None => Ok(()),
        }
    }
}
