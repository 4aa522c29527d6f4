//! The receipt of a run as a file (`--receipt`): what was asked for, what came of every entry, what
//! both ends agreed on, and what is at the destination now. `ksyncd verify` holds a destination
//! against it.

mod item;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rsync_core::checksum::Digest;
use rsync_core::engine::{Report, tree_digest};
use rsync_core::entry::Entry;
use rsync_core::keep::manifest;
use rsync_core::options::Options;
use rsync_core::path::RelPath;
use rsync_core::receipt::Receipt as Counts;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use transport::agents::Offer;
use transport::delivery::Delivered;
use transport::kubernetes::Chosen;
use transport::{Location, Reached};

use crate::args::{Reach, Sync};
use crate::elsewhere;
use crate::errors::Failure;
use crate::interrupt::Interrupt;

use item::{Item, digest_of};

/// Tells a receipt from other files, and its versions from each other.
const FORMAT: &str = "ksyncd-receipt-1";

/// Bytes at the beginning in which the format is named.
const BEGINNING_LEN: usize = 256;
/// Longest receipt that is read, in bytes.
const MAX_LEN: u64 = 4 << 30;

/// A receipt.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Receipt {
    format: String,
    ksyncd: String,
    finished: jiff::Timestamp,
    elapsed_ms: u64,
    source: String,
    #[serde(with = "crate::exact")]
    destination: PathBuf,
    arguments: Vec<String>,
    agent_version: String,
    /// Missing in receipts of older versions.
    target: Option<Target>,
    /// Tells this life of the source from others.
    incarnation: String,
    counts: Counts,
    sent_bytes: u64,
    received_bytes: u64,
    /// Over the files that arrived. Both ends computed it, and agree.
    content_digest: String,
    /// Over the whole tree; none where an end is too old, or not all of the source could be listed.
    #[serde(default)]
    trees: Option<Trees>,
    /// Over `entries`, in order of paths. Missing in receipts of older versions.
    #[serde(default)]
    entries_digest: Option<String>,
    /// Whether `entries` tell of attributes, access lists and the directory itself; not so in receipts
    /// of older versions.
    #[serde(default)]
    tells_attributes: bool,
    /// What is at the destination, and nothing else is.
    entries: Vec<Item>,
}

/// Digests over every directory of the source: its listing, with the metadata that the run
/// preserves. A run in which they differ has failed and has no receipt.
#[derive(Debug, Serialize, Deserialize)]
struct Trees {
    /// As the source's own end computed it.
    source: String,
    /// As the other end did, over what it was told and over what it had already.
    destination: String,
    /// The rules of the run by which `entries` have this digest: then all that both ends agreed on is
    /// there as it was agreed, and nothing else, and a later look computes the digest again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rules: Option<Value>,
}

impl Trees {
    /// The digest on which both ends of a run with these options agreed, where `there` is now.
    fn new(digest: [u8; 32], options: &Options, there: &[(RelPath, Entry)]) -> Self {
        let rules = Options {
            attributes: options.attributes.clone(),
            compare: options.compare,
            ..Options::default()
        };
        let has_it = tree_digest(there, &rules) == digest;
        // The engine gives one digest because the two are equal.
        let digest = Digest::from(digest).to_string();
        Self {
            source: digest.clone(),
            destination: digest,
            rules: serde_json::to_value(rules).ok().filter(|_| has_it),
        }
    }

    /// Whether these entries still have the digest.
    fn is_of(&self, there: &[(RelPath, Entry)]) -> Agreed {
        let rules = self.rules.clone();
        let rules = rules.and_then(|rules| serde_json::from_value::<Options>(rules).ok());
        let Some(rules) = rules else {
            return Agreed::OfOther;
        };
        let digest = Digest::from(tree_digest(there, &rules)).to_string();
        if digest == self.source && digest == self.destination {
            Agreed::Same
        } else {
            Agreed::Different
        }
    }
}

/// Where the end that is elsewhere was, and who was there for us.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Target {
    route: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pod: Option<Pod>,
    /// BLAKE3 digests of the agents that could run there, by machine. The one that ran was compared
    /// with its own before it was started. None where this program itself was the agent.
    agents: BTreeMap<String, String>,
}

/// A pod, and which life of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Pod {
    namespace: String,
    name: String,
    uid: String,
    container: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    container_id: Option<String>,
}

impl Target {
    /// Of the agent's end of a run; `offers` could be delivered.
    pub(crate) fn new(reached: &Reached, offers: &[Offer]) -> Self {
        let pod = |chosen: &Chosen| Pod {
            namespace: chosen.namespace.clone(),
            name: chosen.identity.pod.clone(),
            uid: chosen.identity.uid.clone(),
            container: chosen.container.clone(),
            container_id: chosen.identity.container.clone().map(|(_, id)| id),
        };
        let is_delivered = !matches!(reached.how, Delivered::Local);
        let offers = offers.iter().filter(|_| is_delivered);
        let agents = offers.map(|offer| (offer.machine.clone(), offer.digest.to_string()));
        Self {
            route: reached.route.to_string(),
            pod: reached.chosen.as_ref().map(pod),
            agents: agents.collect(),
        }
    }
}

/// A destination that can be looked at.
pub(crate) enum Destination<'a> {
    /// This program can.
    Here(&'a Path),
    /// An agent can.
    There {
        /// Where.
        location: &'a Location,
        /// How to get there.
        flags: &'a Reach,
        /// Who ends a look that takes too long.
        interrupt: &'a Interrupt,
    },
}

impl<'a> Destination<'a> {
    /// What an agent wrote to.
    pub(crate) fn of(location: &'a Location, flags: &'a Reach, interrupt: &'a Interrupt) -> Self {
        if matches!(location.target, transport::Target::Local { .. }) {
            Self::Here(Path::new(OsStr::from_bytes(&location.path)))
        } else {
            Self::There {
                location,
                flags,
                interrupt,
            }
        }
    }

    /// Everything that is there now.
    fn entries(&self) -> Result<Vec<(RelPath, Entry)>, Failure> {
        match self {
            Self::Here(path) => manifest(path).map_err(Failure::Unproven),
            Self::There {
                location,
                flags,
                interrupt,
            } => elsewhere::manifest(flags, location, interrupt),
        }
    }
}

/// Writes the receipt of a run that has come to its end.
pub(crate) fn write(
    file: &Path,
    args: &Sync,
    options: &Options,
    destination: &Destination<'_>,
    report: &Report,
    target: Option<&Target>,
) -> Result<(), Failure> {
    let failed = |cause| Failure::WriteFile {
        path: file.into(),
        cause,
    };
    let hex = |bytes: [u8; 16]| format!("{:032x}", u128::from_be_bytes(bytes));
    let there = destination.entries()?;
    let entries: Vec<_> = there.iter().map(Item::new).collect();
    let receipt = Receipt {
        format: FORMAT.to_owned(),
        ksyncd: env!("CARGO_PKG_VERSION").to_owned(),
        finished: jiff::Timestamp::now(),
        elapsed_ms: u64::try_from(report.elapsed.as_millis()).unwrap_or(u64::MAX),
        source: args.source.to_string_lossy().into_owned(),
        destination: match destination {
            Destination::Here(path) => std::path::absolute(path).map_err(failed)?,
            Destination::There { .. } => PathBuf::from(&args.dest),
        },
        arguments: std::env::args_os()
            .skip(1)
            .map(|word| word.to_string_lossy().into_owned())
            .collect(),
        agent_version: report.peer_version.clone(),
        target: target.cloned(),
        incarnation: hex(report.incarnation),
        counts: report.receipt,
        sent_bytes: report.traffic.sent,
        received_bytes: report.traffic.received,
        content_digest: hex(report.content_digest),
        trees: report
            .tree_digest
            .map(|digest| Trees::new(digest, options, &there)),
        tells_attributes: true,
        entries_digest: Some(digest_of(&entries)),
        entries,
    };
    let text = serde_json::to_vec_pretty(&receipt).map_err(|error| failed(error.into()))?;
    write_new(file, &text).map_err(failed)
}

/// Nobody's link is followed: the file is made anew and takes the place of what has its name.
fn write_new(file: &Path, text: &[u8]) -> io::Result<()> {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = PathBuf::from(name);
    let mut out = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)?;
    out.write_all(text)
        .and_then(|()| std::fs::rename(&new, file))
        .inspect_err(|_| drop(std::fs::remove_file(&new)))
}

fn is_file(file: &File) -> bool {
    file.metadata().is_ok_and(|found| found.is_file())
}

/// What came of a look at a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Findings {
    /// Entries that are not as they were.
    pub(crate) differences: u64,
    /// What became of the digest that both ends agreed on.
    pub(crate) agreed: Agreed,
}

/// Whether a tree has the digest on which both ends of its run agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Agreed {
    /// It was computed again and is the same.
    Same,
    /// It was computed again and is another.
    Different,
    /// It is that of a tree which the destination did not hold like that, not even at the time.
    OfOther,
    /// There was none.
    None,
}

impl Receipt {
    /// Reads a receipt; nothing if that is no receipt, but perhaps a target of the same name.
    pub(crate) fn read(file: &Path) -> Option<Self> {
        let mut file = File::open(file).ok().filter(is_file)?;
        let mut text = vec![0; BEGINNING_LEN];
        let beginning = file.read(&mut text).ok()?;
        text.truncate(beginning);
        // A source may be a file of any length.
        if !text
            .windows(FORMAT.len())
            .any(|part| part == FORMAT.as_bytes())
        {
            return None;
        }
        file.take(MAX_LEN).read_to_end(&mut text).ok()?;
        let receipt: Self = serde_json::from_slice(&text).ok()?;
        (receipt.format == FORMAT).then_some(receipt)
    }

    /// Tells each difference between what `destination` was and what it is.
    pub(crate) fn differences(
        &self,
        destination: &Destination<'_>,
        tell: &mut dyn FnMut(&Path, &str),
    ) -> Result<Findings, Failure> {
        let digest = self.entries_digest.as_ref();
        if digest.is_some_and(|digest| digest_of(&self.entries) != *digest) {
            return Err(Failure::ReceiptChanged);
        }
        let there = destination.entries()?;
        let mut found: Vec<_> = there.iter().map(Item::new).collect();
        if !self.tells_attributes {
            found.retain(|item| item.path != Path::new("."));
            found.iter_mut().for_each(Item::forget_attributes);
        }
        let trees = self.trees.as_ref();
        let agreed = trees.map_or(Agreed::None, |trees| trees.is_of(&there));
        let by_path = |item: Item| (item.path.clone(), item);
        let mut now: BTreeMap<_, _> = found.into_iter().map(by_path).collect();
        let mut count = 0;
        let mut differs = |path: &Path, how: &str| {
            count += 1;
            tell(path, how);
        };
        for then in &self.entries {
            match now.remove(&then.path) {
                None => differs(&then.path, "is missing"),
                Some(now) => {
                    let parts = then.differs_in(&now);
                    if !parts.is_empty() {
                        differs(&then.path, &format!("differs in {}", parts.join(", ")));
                    }
                }
            }
        }
        now.keys().for_each(|path| differs(path, "was not there"));
        if count == 0 && agreed == Agreed::Different {
            count += 1;
            tell(
                Path::new("."),
                "has not the digest that both ends agreed on",
            );
        }
        Ok(Findings {
            differences: count,
            agreed,
        })
    }
}
