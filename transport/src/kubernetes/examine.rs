//! What a pull takes of a cluster, looked at before it is needed.

use std::time::Duration;

use super::api::Api;
use super::explain;
use super::problem::Problem;
use super::rights::{
    ADD_CONTAINER, CREATE_EXEC, GET_EXEC, GET_PODS, LIST_JOBS, LIST_PODS, LIST_SETS, right,
};
use super::way::{Route, Way};
use crate::doctor::Finding;
use crate::error::Error;
use crate::opened::Opened;
use crate::target::{Kubectl, Pods, Target};

/// Looks at the way to a container, enters it with `command`, and says what was found.
pub(crate) fn examine(
    target: &Target,
    options: &Kubectl,
    pods: &Pods,
    command: &[String],
    patience: Duration,
    findings: &mut Vec<Finding>,
) -> Result<(Opened, Route), Error> {
    let explain = |problem| explain(target, problem);
    let way = Way::open(options, patience).map_err(explain)?;
    let namespace = match &options.namespace {
        Some(namespace) => namespace.clone(),
        None => way.api.namespace().map_err(explain)?,
    };
    findings.extend(permissions(way.api.as_ref(), &namespace, pods).map_err(explain)?);
    if options.agent_image.is_some() {
        let granted = ADD_CONTAINER.is_granted(way.api.as_ref(), &namespace);
        findings.push(if granted.map_err(explain)? {
            Finding::pass(format!("you may {}", ADD_CONTAINER.name()))
        } else {
            Finding::fail(
                format!("you may not {}", ADD_CONTAINER.name()),
                ADD_CONTAINER.fix(&namespace),
            )
        });
    }
    let entered = way.enter(target, options, pods, command)?;
    if let Some(chosen) = &entered.chosen {
        let why = chosen.why.as_ref();
        let why = why.map_or_else(String::new, |why| format!(", {why}"));
        let runtime = chosen.identity.container.as_ref();
        let runtime = runtime.and_then(|(_, id)| id.split_once("://"));
        findings.push(Finding::pass(format!(
            "pod {}, container {}{}{why}",
            chosen.identity.pod,
            chosen.container,
            runtime.map_or_else(String::new, |(runtime, _)| format!(
                " (runtime {})",
                rsync_core::path::escape(runtime.as_bytes())
            )),
        )));
    }
    Ok((entered.opened, entered.route))
}

fn permissions(api: &dyn Api, namespace: &str, pods: &Pods) -> Result<Vec<Finding>, Problem> {
    let mut findings = Vec::new();
    let mut needed = vec![GET_PODS];
    if !matches!(pods, Pods::Named(_)) {
        needed.push(LIST_PODS);
    }
    for right in needed {
        findings.push(if right.is_granted(api, namespace)? {
            Finding::pass(format!("you may {}", right.name()))
        } else {
            Finding::fail(
                format!("you may not {}", right.name()),
                right.fix(namespace),
            )
        });
    }
    findings.extend(workload(api, namespace, pods)?);
    let get = GET_EXEC.is_granted(api, namespace)?;
    let create = CREATE_EXEC.is_granted(api, namespace)?;
    findings.push(match (get, create) {
        (true, true) => Finding::pass("you may get and create pods/exec"),
        (true, false) => Finding::note(
            "you may get pods/exec and not create it",
            "only a WebSocket is possible, and newer clusters ask for both",
        ),
        (false, true) => Finding::note(
            "you may create pods/exec and not get it",
            "only SPDY is possible, by kubectl, which has to be installed",
        ),
        (false, false) => Finding::fail(
            "you may neither get nor create pods/exec",
            CREATE_EXEC.fix_for("get,create", namespace),
        ),
    });
    Ok(findings)
}

/// What it takes to find the pods of a workload.
fn workload(api: &dyn Api, namespace: &str, pods: &Pods) -> Result<Vec<Finding>, Problem> {
    let Pods::Of { kind, .. } = pods else {
        return Ok(Vec::new());
    };
    let needed = match kind.split('.').next().unwrap_or_default() {
        "deploy" | "deployment" | "deployments" => {
            (right("get", "apps", "deployments"), Some(LIST_SETS))
        }
        "sts" | "statefulset" | "statefulsets" => (right("get", "apps", "statefulsets"), None),
        "ds" | "daemonset" | "daemonsets" => (right("get", "apps", "daemonsets"), None),
        "rs" | "replicaset" | "replicasets" => (right("get", "apps", "replicasets"), None),
        "job" | "jobs" => (right("get", "batch", "jobs"), None),
        "cj" | "cronjob" | "cronjobs" => (right("get", "batch", "cronjobs"), Some(LIST_JOBS)),
        "svc" | "service" | "services" => (right("get", "", "services"), None),
        _ => return Ok(Vec::new()),
    };
    let mut findings = Vec::new();
    let (get, list) = needed;
    findings.push(if get.is_granted(api, namespace)? {
        Finding::pass(format!("you may {}", get.name()))
    } else {
        Finding::fail(
            format!("you may not {}", get.name()),
            format!("name a pod or use --selector, or {}", get.fix(namespace)),
        )
    });
    if let Some(list) = list {
        findings.push(match (list.is_granted(api, namespace)?, list.resource) {
            (true, _) => Finding::pass(format!("you may {}", list.name())),
            (false, "replicasets") => Finding::note(
                "you may not list replicasets",
                "the youngest pod is taken, of whichever revision",
            ),
            (false, _) => {
                Finding::fail(format!("you may not {}", list.name()), list.fix(namespace))
            }
        });
    }
    Ok(findings)
}
