//! The agents that this program brings along, and those of a directory that replace them.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use rsync_core::checksum::Digest;
use transport::agents::{Agents, Offer};

/// The environment variable that names a directory of `MACHINE/ksyncd-agent`.
pub(crate) const DIRECTORY_VARIABLE: &str = "KSYNCD_AGENTS_DIR";

/// An agent within this program.
struct Embedded {
    machine: &'static str,
    digest: [u8; 32],
    /// Length of the executable.
    len: usize,
    /// The executable, as one LZ4 block.
    packed: &'static [u8],
}

static EMBEDDED: &[Embedded] = include!(concat!(env!("OUT_DIR"), "/agents.rs"));

/// The agents that can be delivered.
pub(crate) struct Bundle {
    /// Those of the directory; they win over embedded ones for the same machine.
    loaded: Vec<(Offer, Vec<u8>)>,
}

impl Bundle {
    /// The embedded agents, and those in `directory`.
    ///
    /// # Errors
    /// If the directory or an agent in it can not be read.
    pub(crate) fn load(directory: Option<&Path>) -> io::Result<Self> {
        let mut loaded = Vec::new();
        let Some(directory) = directory else {
            return Ok(Self { loaded });
        };
        for entry in directory.read_dir()? {
            let entry = entry?;
            let (machine, file) = (entry.file_name(), entry.path().join("ksyncd-agent"));
            let plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
            let Some(machine) = machine
                .to_str()
                .filter(|name| name.as_bytes().iter().all(plain))
            else {
                continue;
            };
            if file.is_file() {
                let image = std::fs::read(file)?;
                let (digest, len) = (Digest::of(&image), image.len() as u64);
                loaded.push((
                    Offer {
                        machine: machine.to_owned(),
                        digest,
                        len,
                    },
                    image,
                ));
            }
        }
        Ok(Self { loaded })
    }

    fn is_loaded(&self, machine: &str) -> bool {
        self.loaded
            .iter()
            .any(|(offer, _)| offer.machine == machine)
    }
}

impl Agents for Bundle {
    fn offers(&self) -> Vec<Offer> {
        let embedded = EMBEDDED
            .iter()
            .filter(|agent| !self.is_loaded(agent.machine))
            .map(|agent| {
                let (digest, len) = (Digest::from(agent.digest), agent.len as u64);
                Offer {
                    machine: agent.machine.to_owned(),
                    digest,
                    len,
                }
            });
        self.loaded
            .iter()
            .map(|(offer, _)| offer.clone())
            .chain(embedded)
            .collect()
    }

    fn image(&self, machine: &str) -> io::Result<Cow<'_, [u8]>> {
        if let Some((_, image)) = self
            .loaded
            .iter()
            .find(|(offer, _)| offer.machine == machine)
        {
            return Ok(Cow::Borrowed(image));
        }
        match EMBEDDED.iter().find(|agent| agent.machine == machine) {
            Some(agent) => lz4_flex::block::decompress(agent.packed, agent.len)
                .map(Cow::Owned)
                .map_err(io::Error::other),
            None => Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("no agent for {machine}"),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::process::{Command, Stdio};

    use rsync_core::engine::{Settings, Stream, pull};
    use rsync_core::monitor::Silent;
    use rsync_core::options::{Compression, Options};

    use super::*;

    #[test]
    fn every_agent_on_offer_is_what_it_claims_to_be() {
        let bundle = Bundle::load(None).unwrap();
        for offer in bundle.offers() {
            let image = bundle.image(&offer.machine).unwrap();
            assert_eq!(
                (Digest::of(&image), image.len() as u64),
                (offer.digest, offer.len)
            );
            assert!(image.starts_with(b"\x7fELF"));
        }
    }

    #[test]
    fn the_agent_of_this_machine_serves_from_a_root_with_nothing_else_in_it() {
        let bundle = Bundle::load(None).unwrap();
        let Ok(image) = bundle.image(std::env::consts::ARCH) else {
            eprintln!("skipped: no agent for this machine is embedded");
            return;
        };
        if !Command::new("id")
            .arg("-u")
            .output()
            .unwrap()
            .stdout
            .starts_with(b"0\n")
        {
            eprintln!("skipped: chroot needs root");
            return;
        }
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("agent"), image).unwrap();
        let executable = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(root.path().join("agent"), executable).unwrap();
        let content = "content ".repeat(100_000);
        std::fs::create_dir(root.path().join("source")).unwrap();
        std::fs::write(root.path().join("source/file"), &content).unwrap();

        let mut chroot = Command::new("chroot");
        chroot.arg(root.path()).args(["/agent", "serve"]);
        chroot.stdin(Stdio::piped()).stdout(Stdio::piped());
        let Ok(mut agent) = chroot.spawn() else {
            eprintln!("skipped: there is no chroot");
            return;
        };
        let stream = Stream {
            reader: Box::new(agent.stdout.take().unwrap()),
            writer: Box::new(agent.stdin.take().unwrap()),
        };
        let here = tempfile::tempdir().unwrap();
        let options = Options {
            compression: Compression::Level(3),
            ..Options::default()
        };
        pull(
            stream,
            b"/source/",
            here.path(),
            &options,
            &Settings::default(),
            &Silent,
        )
        .unwrap();
        assert!(agent.wait().unwrap().success());
        assert_eq!(
            std::fs::read_to_string(here.path().join("file")).unwrap(),
            content
        );
    }

    #[test]
    fn an_agent_of_the_directory_replaces_the_embedded_one_of_its_machine_only() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("x86_64")).unwrap();
        std::fs::create_dir(directory.path().join("not a machine")).unwrap();
        std::fs::write(directory.path().join("x86_64/ksyncd-agent"), "mine").unwrap();

        let bundle = Bundle::load(Some(directory.path())).unwrap();

        let mut machines: Vec<String> = bundle
            .offers()
            .into_iter()
            .map(|offer| offer.machine)
            .collect();
        machines.sort();
        let mut expected: Vec<&str> = EMBEDDED.iter().map(|agent| agent.machine).collect();
        expected.push("x86_64");
        expected.sort();
        expected.dedup();
        assert_eq!(machines, expected);
        assert_eq!(*bundle.image("x86_64").unwrap(), *b"mine");
    }
}
