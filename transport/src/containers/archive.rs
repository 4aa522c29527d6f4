//! An agent for a container without a shell: it is sent as an archive, by the engine itself.
//!
//! `docker cp - NAME:/` unpacks an archive as the engine's daemon does it, whatever the image
//! holds. The agent lands in [`DIRECTORY`], named by its hash as everywhere, and may be executed by
//! everybody, because the daemon does not know whom the container's user is. A root file system
//! that is read-only refuses it.

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use rsync_core::path::escape;

use super::{Problem, ask, explain};
use crate::agents::Agents;
use crate::error::Error;
use crate::target::{Engine, Target};

/// Where the agent lives in such a container.
const DIRECTORY: &str = ".ksyncd";
/// The same, as it is seen from within.
pub(crate) const PLACE: &str = "/.ksyncd";

/// Puts an agent into the container of `target`, unless it is there, and says where it is and how
/// many bytes were sent.
///
/// # Errors
/// If there is no agent for it, or no way to put it there.
pub(crate) fn bring(target: &Target, agents: &dyn Agents) -> Result<Option<(String, u64)>, Error> {
    let Target::Container { engine, name, .. } = target else {
        return Ok(None);
    };
    let explain = |problem| explain(target, problem);
    let machine = machine(target, *engine, name)?;
    let offers = agents.offers();
    let Some(offer) = offers.iter().find(|offer| offer.machine == machine) else {
        let machine = escape(machine.as_bytes());
        return Err(explain(Problem::Machine { machine }));
    };
    let file = format!("ksyncd-agent-{}", offer.digest);
    let path = format!("{PLACE}/{file}");
    if is_there(target, &path, &offer.digest.to_string()) {
        return Ok(Some((path, 0)));
    }
    let not_placed = |said: String| explain(Problem::NotPlaced { said });
    let image = agents
        .image(&offer.machine)
        .map_err(|error| not_placed(error.to_string()))?;
    let archive = archive(&file, &image).map_err(|error| not_placed(error.to_string()))?;
    upload(*engine, name, archive).map_err(not_placed)?;
    Ok(Some((path, offer.len)))
}

/// Whether an agent could be put into the container of `target`: its machine, and an error if not.
/// Nothing is copied. `None` if this is no such container.
pub(crate) fn could_bring(target: &Target) -> Result<Option<String>, Error> {
    let Target::Container { engine, name, .. } = target else {
        return Ok(None);
    };
    let mut command = Command::new(engine.program());
    command.args([
        "inspect",
        "--type=container",
        "--format={{.HostConfig.ReadonlyRootfs}}",
        "--",
        name,
    ]);
    if ask(target, command)?.trim() == "true" {
        let said = "its root file system is read-only".to_owned();
        return Err(explain(target, Problem::NotPlaced { said }));
    }
    machine(target, *engine, name).map(Some)
}

/// The machine of a container's image, as `uname -m` names it.
fn machine(target: &Target, engine: Engine, name: &str) -> Result<String, Error> {
    let mut command = Command::new(engine.program());
    command.args([
        "inspect",
        "--type=container",
        "--format={{.Image}}",
        "--",
        name,
    ]);
    let image = ask(target, command)?;
    let mut command = Command::new(engine.program());
    command.args([
        "image",
        "inspect",
        "--format={{.Architecture}}",
        "--",
        image.trim(),
    ]);
    let machine = ask(target, command)?;
    Ok(match machine.trim() {
        "amd64" => "x86_64".to_owned(),
        "arm64" => "aarch64".to_owned(),
        other => other.to_owned(),
    })
}

/// Whether an agent runs from this path and has this hash.
fn is_there(target: &Target, path: &str, digest: &str) -> bool {
    let probe = [path.to_owned(), "--probe".to_owned()];
    let output = target.command(&probe).stdin(Stdio::null()).output();
    output
        .is_ok_and(|output| output.status.success() && output.stdout.starts_with(digest.as_bytes()))
}

/// An archive of a directory with one file that everybody may execute and only root may change.
fn archive(file: &str, image: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    let header = |kind, len: usize| {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(0o755);
        header.set_size(len as u64);
        header
    };
    let mut directory = header(tar::EntryType::Directory, 0);
    archive.append_data(&mut directory, format!("{DIRECTORY}/"), &[][..])?;
    let mut agent = header(tar::EntryType::Regular, image.len());
    archive.append_data(&mut agent, format!("{DIRECTORY}/{file}"), image)?;
    archive.into_inner()
}

/// Has the engine unpack an archive at the root of a container; what it complains of, if it does.
fn upload(engine: Engine, name: &str, archive: Vec<u8>) -> Result<(), String> {
    let mut command = Command::new(engine.program());
    command.args(["cp", "-", &format!("{name}:/")]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let input = child.stdin.take();
    let feed = move || input.map(|mut input| input.write_all(&archive));
    // Where there can be no such thread the engine gets nothing, and ends with that.
    let feeder = thread::Builder::new().spawn(feed);
    let output = child
        .wait_with_output()
        .map_err(|error| error.to_string())?;
    drop(feeder.map_err(|error| error.to_string())?.join());
    if output.status.success() {
        Ok(())
    } else {
        Err(escape(output.stderr.trim_ascii()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archive_holds_one_file_that_everybody_may_execute() {
        let bytes = archive("ksyncd-agent-x", b"agent").unwrap();
        let mut archive = tar::Archive::new(&bytes[..]);
        let entries = archive.entries().unwrap().map(|entry| {
            let entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            (path, entry.header().mode().unwrap(), entry.size())
        });
        assert_eq!(
            entries.collect::<Vec<_>>(),
            [
                (".ksyncd/".to_owned(), 0o755, 0),
                (".ksyncd/ksyncd-agent-x".to_owned(), 0o755, 5)
            ]
        );
    }
}
