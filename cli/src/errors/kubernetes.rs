//! What is wrong with a pod or the way to it: exit code and next step.

use transport::kubernetes::Problem;

use crate::exit::Exit;

/// The exit code.
pub(super) fn exit(problem: &Problem) -> Exit {
    match problem {
        Problem::UnknownKind { .. } | Problem::BadSelector { .. } => Exit::Usage,
        Problem::NoSuch { .. }
        | Problem::NoPods
        | Problem::NoneFit { .. }
        | Problem::Ambiguous { .. }
        | Problem::NoSelector
        | Problem::NoSuchContainer { .. }
        | Problem::NotRunning { .. } => Exit::FileSelection,
        Problem::Unreachable { .. } | Problem::Server { .. } => Exit::Socket,
        Problem::NoProgram { .. } | Problem::NoWay { .. } => Exit::Ipc,
        Problem::Replaced { .. } | Problem::Restarted { .. } | Problem::Answer { .. } => {
            Exit::Protocol
        }
        _ => Exit::Startup,
    }
}

/// What to do next.
pub(super) fn advice(problem: &Problem) -> &'static str {
    match problem {
        Problem::NoSuch { .. } => "check its name, and --namespace and --context",
        Problem::Forbidden { .. } => {
            "ask for that right; ksyncd doctor TARGET names all that are needed"
        }
        Problem::NoExec { .. } => {
            "ask for a role with the verbs get and create on pods/exec, or with create alone for \
             --via=kubectl"
        }
        Problem::Unauthorized { .. } | Problem::Credentials { .. } => "log in to the cluster again",
        Problem::Unreachable { .. } => "check the network and where the configuration points",
        Problem::Configuration { .. } => {
            "correct it, or name another with --kubeconfig and --context"
        }
        Problem::Server { .. } | Problem::Kubectl { .. } => {
            "run again, or ask who runs the cluster"
        }
        Problem::Answer { .. } => "check that the configuration points to a cluster",
        Problem::NoProgram { .. } => "install it, or use --via=native",
        Problem::NoWay { .. } => "install it, or correct the configuration",
        Problem::Refused { .. } => "use --via=kubectl",
        Problem::NoPods => "check the name or the labels, and --namespace",
        Problem::NoneFit { .. } => "run again when one of them runs",
        Problem::Ambiguous { .. } => {
            "add a label, name one of them, or take all with --pod-policy=each"
        }
        Problem::NoSelector => "name a pod or a workload",
        Problem::UnknownKind { .. } => {
            "use pod, deploy, sts, ds, rs, job, cronjob or svc, or ./KIND/NAME:... for a local path"
        }
        Problem::BadSelector { .. } => "write it as for kubectl, as in --selector=app=web",
        Problem::NoSuchContainer { .. } => "name one of these with --container",
        Problem::NotRunning { .. } => "run again when it runs, or name another with --container",
        Problem::Replaced { .. } => "run again to sync with the pod that there is now",
        Problem::Restarted { .. } => {
            "run again; if it happens every time, give the container more memory"
        }
        _ => "run again",
    }
}
