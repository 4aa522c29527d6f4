//! What nobody uses any more of what was delivered: agents of other versions, and parts of agents.
//!
//! The modification time of an agent says when it was last started.
//!
//! The script that brings an agent keeps it in a file without a name while it arrives, then writes it
//! under the name that it will have, a dot, and a token of its session, and renames it when it is
//! complete. Where all of a container was killed in these milliseconds, or during the delivery where
//! there is no /proc, and its file system stays, nobody else takes the part away.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// How all agents are called that were delivered.
const PREFIX: &str = "ksyncd-agent-";
/// No delivery goes on for so long without a byte.
const STALE: Duration = Duration::from_secs(600);
/// What was not started for so long is brought again if it is wanted.
const UNUSED: Duration = Duration::from_secs(30 * 24 * 3600);

/// Notes that `program` is in use and removes what nobody uses beside it, if it is an agent that was
/// delivered.
pub(crate) fn remove(program: &Path) -> io::Result<()> {
    let name = program.file_name().and_then(|name| name.to_str());
    let Some(home) = program.parent().filter(|home| home == &Path::new(".")) else {
        return Ok(());
    };
    if !name.is_some_and(|name| name.starts_with(PREFIX)) {
        return Ok(());
    }
    File::open(program)?.set_modified(SystemTime::now())?;
    for entry in home.read_dir()? {
        let entry = entry?;
        let name = entry.file_name();
        let part = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        let Some(part) = part else { continue };
        let most = if part.contains('.') { STALE } else { UNUSED };
        // A time in the future is no age.
        let age = entry.metadata()?.modified()?.elapsed();
        if age.is_ok_and(|age| age > most) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
