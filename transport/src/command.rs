//! The command line that leads to a target: one front door each.
//!
//! Options that take a value are joined to it by `=`, and a `--` comes before the first name, so
//! that no value can be taken for an option. The remote command is plain words
//! ([`crate::delivery::Delivery::command`]): it does not matter whether the front door executes
//! them as they are (`docker`, `kubectl`, `chroot`) or joins them with spaces for a remote shell
//! to take apart again (`ssh` and its kin).

use std::ffi::OsString;
use std::process::Command;

use crate::containers;
use crate::target::{Kubectl, Target};

impl Target {
    /// Whether this is this computer.
    pub fn is_local(&self) -> bool {
        matches!(self, Self::Local { .. })
    }

    /// The command that executes `remote` at the target, with its pipes as they are.
    ///
    /// For this computer that is the agent itself, and `remote` is what else it is told. Pods that are
    /// named by their labels have to be looked up first; no command line leads to them.
    pub(crate) fn command(&self, remote: &[String]) -> Command {
        match self {
            Self::Local { program, args } => {
                let mut command = Command::new(program);
                command.args(args).args(remote);
                command
            }
            Self::RemoteShell {
                command: words,
                host,
            } => {
                let mut words = words.iter();
                let mut command =
                    Command::new(words.next().map_or("rsh".as_ref(), OsString::as_os_str));
                command.args(words).args(host).args(remote);
                command
            }
            Self::Ssh {
                user,
                host,
                port,
                options,
            } => {
                let mut command = Command::new("ssh");
                command.arg("-T").args(options);
                command.args(port.map(|port| format!("-p{port}")));
                command.args(user.as_ref().map(|user| format!("-l{user}")));
                command.arg("--").arg(host).args(remote);
                command
            }
            Self::Container { engine, name, user } => {
                let mut command = Command::new(engine.program());
                command.args(["exec", "-i"]);
                command.args(user.as_ref().map(|user| format!("--user={user}")));
                command.arg("--").arg(name).args(remote);
                command
            }
            Self::Compose {
                engine, service, ..
            } => {
                let mut command = Command::new(engine.program());
                command.args(["compose", "exec", "-T", "--"]);
                command.arg(service).args(remote);
                command
            }
            Self::Volume {
                engine,
                name,
                image,
            } => containers::beside_volume(*engine, name, image, remote),
            Self::Pod { kubectl, pods } => kubectl.exec(&pods.to_string(), remote),
        }
    }
}

impl Kubectl {
    /// `kubectl` with the options that choose cluster and namespace; a subcommand comes next.
    pub fn command(&self) -> Command {
        let joined = |option: &str, value: &std::ffi::OsStr| {
            let mut argument = OsString::from(option);
            argument.push(value);
            argument
        };
        let mut command = Command::new(&self.program);
        command.args(
            self.kubeconfig
                .as_ref()
                .map(|file| joined("--kubeconfig=", file.as_ref())),
        );
        command.args(self.context.as_ref().map(|name| joined("--context=", name)));
        command.args(
            self.namespace
                .as_ref()
                .map(|name| format!("--namespace={name}")),
        );
        command.args(self.user.as_ref().map(|user| format!("--as={user}")));
        command
    }

    /// `kubectl exec` of `remote` in `pod`, which may be `KIND/NAME` too.
    pub(crate) fn exec(&self, pod: &str, remote: &[String]) -> Command {
        let mut command = self.command();
        command.args(["exec", "-i"]);
        let container = self.container.as_ref();
        command.args(container.map(|name| format!("--container={name}")));
        command.arg(pod).arg("--").args(remote);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::{Engine, Pods};

    fn line(target: &Target) -> String {
        let command = target.command(&["sh".into(), "-s".into()]);
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        words
            .map(|word| word.to_string_lossy())
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn kubectl_is_called_without_a_terminal_and_with_joined_values() {
        let kubectl = Kubectl {
            context: Some("--as=root".into()),
            namespace: Some("prod".into()),
            container: Some("app".into()),
            kubeconfig: Some("-f".into()),
            user: Some("dev".into()),
            ..Kubectl::default()
        };
        assert_eq!(
            line(&Target::Pod {
                kubectl,
                pods: Pods::Of {
                    kind: "deploy".into(),
                    name: "web".into()
                }
            }),
            "kubectl --kubeconfig=-f --context=--as=root --namespace=prod --as=dev exec -i --container=app \
             deploy/web -- sh -s"
        );
    }

    #[test]
    fn docker_and_podman_are_called_alike() {
        let mut target = Target::Container {
            engine: Engine::Docker,
            name: "db".into(),
            user: None,
        };
        assert_eq!(line(&target), "docker exec -i -- db sh -s");
        target = Target::Container {
            engine: Engine::Podman,
            name: "db".into(),
            user: Some("-0".into()),
        };
        assert_eq!(line(&target), "podman exec -i --user=-0 -- db sh -s");
    }

    #[test]
    fn ssh_gets_no_terminal_and_no_option_from_a_name() {
        let target = Target::Ssh {
            user: Some("dev".into()),
            host: "h".into(),
            port: Some(22),
            options: vec!["-oBatchMode=yes".into()],
        };
        assert_eq!(
            line(&target),
            "ssh -T -oBatchMode=yes -p22 -ldev -- h sh -s"
        );
    }

    #[test]
    fn t2_no_check_of_who_answers_is_turned_off() {
        let ssh = line(&Target::Ssh {
            user: None,
            host: "h".into(),
            port: None,
            options: Vec::new(),
        });
        assert_eq!(ssh, "ssh -T -- h sh -s");
        let kubectl = line(&Target::Pod {
            kubectl: Kubectl::default(),
            pods: Pods::Of {
                kind: "deploy".into(),
                name: "web".into(),
            },
        });
        assert_eq!(kubectl, "kubectl exec -i deploy/web -- sh -s");
    }

    #[test]
    fn a_remote_shell_command_gets_its_host_if_there_is_one() {
        let command: Vec<OsString> = vec!["chroot".into(), "/x".into()];
        let mut target = Target::RemoteShell {
            command: command.clone(),
            host: None,
        };
        assert_eq!(line(&target), "chroot /x sh -s");
        target = Target::RemoteShell {
            command,
            host: Some("h".into()),
        };
        assert_eq!(line(&target), "chroot /x h sh -s");
    }
}
