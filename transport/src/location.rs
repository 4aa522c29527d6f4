//! Where a tree is, as the user writes it: `TARGET:PATH`, or a path of this computer.
//!
//! | written                                        | means                                       |
//! |------------------------------------------------|---------------------------------------------|
//! | `PATH`, `/PATH`, `./a:b`                       | this computer                               |
//! | `POD:PATH`, `NS/POD:PATH`                      | a pod, as in `kubectl cp`                   |
//! | `deploy/NAME:PATH`, `NS/deploy/NAME:PATH`      | a pod of it, the best one                   |
//! | `:PATH` with a label selector                  | a pod with these labels                     |
//! | `docker:NAME:PATH`, `podman:NAME:PATH`         | a container of this computer's engine       |
//! | `compose:[PROJECT/]SERVICE:PATH`               | a container of that service                 |
//! | `volume:NAME:PATH`                             | a volume of docker; it is the root          |
//! | `ssh:[USER@]HOST:PATH`, `USER@HOST:PATH`       | a host, through `ssh`                       |
//! | `[USER@]HOST:PATH` with a remote shell command | a host, through that command                |
//! | `:PATH` with a remote shell command            | where that command leads by itself          |
//!
//! The path is everything after the target's colon, empty for the directory where commands start.
//! An IPv6 address is written in brackets. With a remote shell command only the last two rows
//! and local paths exist, and a colon after a slash belongs to a local path, as in rsync(1).

use std::ffi::OsString;
use std::path::PathBuf;

use rsync_core::path::escape;

use crate::containers::MOUNT;
use crate::name::{
    is_container, is_dns_label, is_dns_subdomain, is_host, is_resource_kind, is_user,
};
use crate::target::{Engine, Kubectl, Pods, Target};

/// The image of a container that is started beside a volume, unless another one is named.
const HELPER_IMAGE: &str = "busybox";

/// A tree somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Where.
    pub target: Target,
    /// The path there. Never empty and without a zero byte; otherwise as it was written.
    pub path: Vec<u8>,
}

/// What the meaning of a location depends on beside its text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// The program that is an agent for this computer, and its arguments.
    pub local: (PathBuf, Vec<OsString>),
    /// The words of the remote shell command, if there is one ([`crate::split_command`]).
    pub remote_shell: Option<Vec<OsString>>,
    /// How clusters are reached.
    pub kubectl: Kubectl,
    /// The labels of the pods that `:PATH` leads to, if there are any.
    pub selector: Option<String>,
    /// Options for `ssh`.
    pub ssh_options: Vec<OsString>,
    /// The port for `ssh`.
    pub ssh_port: Option<u16>,
    /// The user in a container of docker or podman.
    pub container_user: Option<String>,
    /// The image of a container that is started beside a volume.
    pub helper_image: Option<String>,
}

/// Why a text is not a location.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadLocation {
    /// There is nothing.
    #[error("the location is empty")]
    Empty,
    /// It holds a zero byte.
    #[error("`{}` holds a zero byte", escape(.0))]
    Nul(Vec<u8>),
    /// A name in it is not one.
    #[error("`{}` is not the name of a {what} (a local path with a colon is written `./a:b`)", escape(.name))]
    Name {
        /// What it should name.
        what: &'static str,
        /// What is there.
        name: Vec<u8>,
    },
    /// There is no second colon where one is needed.
    #[error("`{}` lacks a path: write {scheme}:NAME:PATH", escape(.text))]
    NoPath {
        /// What is there.
        text: Vec<u8>,
        /// The prefix.
        scheme: &'static str,
    },
    /// There is nothing before the colon, and no remote shell command that leads anywhere.
    #[error("`{}` names no target before the colon", escape(.0))]
    NoTarget(Vec<u8>),
    /// It is for an rsync daemon.
    #[error("`{}` is a module of an rsync daemon, which ksyncd does not speak to", escape(.0))]
    Daemon(Vec<u8>),
}

impl Location {
    /// Reads what the user wrote.
    ///
    /// # Errors
    /// If it is no location, or a name in it is none.
    pub fn parse(text: &[u8], context: &Context) -> Result<Self, BadLocation> {
        if text.is_empty() {
            return Err(BadLocation::Empty);
        }
        if text.contains(&0) {
            return Err(BadLocation::Nul(text.to_vec()));
        }
        if text.starts_with(b"rsync://") {
            return Err(BadLocation::Daemon(text.to_vec()));
        }
        let Some((head, path)) = split_head(text) else {
            return Ok(Self::local(text, context));
        };
        let remote_shell = context.remote_shell.as_ref();
        if head.starts_with(b".")
            || head.starts_with(b"/")
            || (remote_shell.is_some() && head.contains(&b'/'))
        {
            return Ok(Self::local(text, context));
        }
        if let Some(command) = remote_shell {
            return Self::by_remote_shell(text, head, path, command);
        }
        match head {
            b"" => match &context.selector {
                Some(selector) => {
                    let (kubectl, pods) =
                        (context.kubectl.clone(), Pods::Selected(selector.clone()));
                    Ok(Self::new(Target::Pod { kubectl, pods }, path))
                }
                None => Err(BadLocation::NoTarget(text.to_vec())),
            },
            b"docker" => Self::in_container(Engine::Docker, text, path, context),
            b"podman" => Self::in_container(Engine::Podman, text, path, context),
            b"compose" => Self::in_compose(text, path, context),
            b"volume" => Self::in_volume(text, path, context),
            b"ssh" => match split_head(path) {
                Some((host, path)) => Self::by_ssh(host, path, context),
                None => Err(BadLocation::NoPath {
                    text: text.to_vec(),
                    scheme: "ssh",
                }),
            },
            _ if head.contains(&b'@') => Self::by_ssh(head, path, context),
            _ if path.starts_with(b":") => Err(BadLocation::Daemon(text.to_vec())),
            _ => Self::in_pod(head, path, context),
        }
    }

    fn new(target: Target, path: &[u8]) -> Self {
        Self {
            target,
            path: if path.is_empty() {
                b".".to_vec()
            } else {
                path.to_vec()
            },
        }
    }

    fn local(path: &[u8], context: &Context) -> Self {
        let (program, args) = context.local.clone();
        Self::new(Target::Local { program, args }, path)
    }

    fn by_remote_shell(
        text: &[u8],
        head: &[u8],
        path: &[u8],
        command: &[OsString],
    ) -> Result<Self, BadLocation> {
        if path.starts_with(b":") {
            return Err(BadLocation::Daemon(text.to_vec()));
        }
        let host = match head {
            b"" => None,
            head => match user_and_host(head)? {
                (Some(user), host) => Some(format!("{user}@{host}")),
                (None, host) => Some(host),
            },
        };
        Ok(Self::new(
            Target::RemoteShell {
                command: command.to_vec(),
                host,
            },
            path,
        ))
    }

    fn by_ssh(head: &[u8], path: &[u8], context: &Context) -> Result<Self, BadLocation> {
        let (user, host) = user_and_host(head)?;
        let (port, options) = (context.ssh_port, context.ssh_options.clone());
        Ok(Self::new(
            Target::Ssh {
                user,
                host,
                port,
                options,
            },
            path,
        ))
    }

    fn in_container(
        engine: Engine,
        text: &[u8],
        rest: &[u8],
        context: &Context,
    ) -> Result<Self, BadLocation> {
        let Some((name, path)) = split_head(rest) else {
            return Err(BadLocation::NoPath {
                text: text.to_vec(),
                scheme: engine.program(),
            });
        };
        let name = named(name, "container", is_container)?;
        let user = context.container_user.clone();
        Ok(Self::new(Target::Container { engine, name, user }, path))
    }

    fn in_compose(text: &[u8], rest: &[u8], context: &Context) -> Result<Self, BadLocation> {
        let Some((name, path)) = split_head(rest) else {
            return Err(BadLocation::NoPath {
                text: text.to_vec(),
                scheme: "compose",
            });
        };
        let (project, service) = match name.iter().position(|&byte| byte == b'/') {
            Some(at) => (Some(&name[..at]), &name[at + 1..]),
            None => (None, name),
        };
        let project = project
            .map(|project| named(project, "project of compose", is_container))
            .transpose()?;
        let target = Target::Compose {
            engine: Engine::Docker,
            project,
            service: named(service, "service of compose", is_container)?,
            user: context.container_user.clone(),
        };
        Ok(Self::new(target, path))
    }

    fn in_volume(text: &[u8], rest: &[u8], context: &Context) -> Result<Self, BadLocation> {
        let Some((name, path)) = split_head(rest) else {
            return Err(BadLocation::NoPath {
                text: text.to_vec(),
                scheme: "volume",
            });
        };
        let image = context.helper_image.clone();
        let target = Target::Volume {
            engine: Engine::Docker,
            name: named(name, "volume", is_container)?,
            image: image.unwrap_or_else(|| HELPER_IMAGE.to_owned()),
        };
        // The volume is the root of what is in it.
        let within = match path {
            [b'/', ..] => [MOUNT.as_bytes(), path].concat(),
            path => path.to_vec(),
        };
        Ok(Self::new(target, &within))
    }

    fn in_pod(head: &[u8], path: &[u8], context: &Context) -> Result<Self, BadLocation> {
        let parts: Vec<&[u8]> = head.split(|&byte| byte == b'/').collect();
        let (namespace, kind, name) = match parts[..] {
            [name] => (None, None, name),
            [kind, name] if leads_to_pods(kind) => (None, Some(kind), name),
            [namespace, name] => (Some(namespace), None, name),
            [namespace, kind, name] => (Some(namespace), Some(kind), name),
            _ => {
                return Err(BadLocation::Name {
                    what: "pod",
                    name: head.to_vec(),
                });
            }
        };
        let mut kubectl = context.kubectl.clone();
        if let Some(namespace) = namespace {
            kubectl.namespace = Some(named(namespace, "namespace", is_dns_label)?);
        }
        let name = named(name, "pod", is_dns_subdomain)?;
        let pods = match kind {
            Some(kind) => Pods::Of {
                kind: named(kind, "kind of resource", is_resource_kind)?,
                name,
            },
            None => Pods::Named(name),
        };
        Ok(Self::new(Target::Pod { kubectl, pods }, path))
    }
}

/// What is before and after the first colon that is not in brackets.
fn split_head(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let bracketed = text.iter().position(|&byte| byte == b'[' || byte == b':');
    let start = match bracketed {
        Some(at) if text[at] == b'[' => {
            at + text[at..]
                .iter()
                .position(|&byte| byte == b']')
                .unwrap_or(0)
        }
        _ => 0,
    };
    let colon = start + text[start..].iter().position(|&byte| byte == b':')?;
    Some((&text[..colon], &text[colon + 1..]))
}

fn user_and_host(head: &[u8]) -> Result<(Option<String>, String), BadLocation> {
    let (user, host) = match head.iter().rposition(|&byte| byte == b'@') {
        Some(at) => (Some(named(&head[..at], "user", is_user)?), &head[at + 1..]),
        None => (None, head),
    };
    let bare = host
        .strip_prefix(b"[")
        .and_then(|host| host.strip_suffix(b"]"))
        .unwrap_or(host);
    Ok((user, named(bare, "host", is_host)?))
}

fn named(
    bytes: &[u8],
    what: &'static str,
    accepts: fn(&str) -> bool,
) -> Result<String, BadLocation> {
    match std::str::from_utf8(bytes) {
        Ok(name) if accepts(name) => Ok(name.to_owned()),
        _ => Err(BadLocation::Name {
            what,
            name: bytes.to_vec(),
        }),
    }
}

/// Whether this is a kind of resource that leads to pods, in kubectl's short forms and the long.
/// A namespace of such a name is written `NAMESPACE/pod/NAME`.
fn leads_to_pods(kind: &[u8]) -> bool {
    let base = kind.split(|&byte| byte == b'.').next().unwrap_or_default();
    let kinds: [&[u8]; 28] = [
        b"pod",
        b"pods",
        b"po",
        b"deploy",
        b"deployment",
        b"deployments",
        b"sts",
        b"statefulset",
        b"statefulsets",
        b"ds",
        b"daemonset",
        b"daemonsets",
        b"rs",
        b"replicaset",
        b"replicasets",
        b"rc",
        b"replicationcontroller",
        b"replicationcontrollers",
        b"job",
        b"jobs",
        b"cj",
        b"cronjob",
        b"cronjobs",
        b"svc",
        b"service",
        b"services",
        b"rollout",
        b"rollouts",
    ];
    kinds.contains(&base)
}

#[cfg(test)]
#[path = "location_tests.rs"]
mod tests;
