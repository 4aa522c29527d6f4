//! From what was written to a container, against a table of answers.

use serde_json::{Value, json};

use super::super::api::testing::Table;
use super::*;

const PODS: &str = "/api/v1/namespaces/home/pods";

fn pod(name: &str, created: &str, owner: Option<(&str, &str)>) -> Value {
    let owners = owner
        .map(|(kind, uid)| json!([{"kind": kind, "name": uid, "uid": uid, "controller": true}]));
    json!({
        "metadata": {
            "name": name, "uid": format!("uid-{name}"), "creationTimestamp": created,
            "ownerReferences": owners.unwrap_or(json!([])),
        },
        "spec": {"containers": [{"name": "app"}, {"name": "sidecar"}]},
        "status": {
            "phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [
                {"name": "app", "containerID": "containerd://1", "state": {"running": {}}},
                {"name": "sidecar", "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
            ],
        },
    })
}

fn items(items: &[Value]) -> Value {
    json!({"items": items})
}

fn by_app(path: &str) -> String {
    format!("{path}?labelSelector=app%3Dweb")
}

fn of(kind: &str) -> Pods {
    Pods::Of {
        kind: kind.into(),
        name: "web".into(),
    }
}

fn one(api: &Table, pods: &Pods) -> Result<Chosen, Problem> {
    resolve(api, None, pods, None, Count::One).map(|chosen| chosen[0].clone())
}

#[test]
fn a_named_pod_is_asked_for_once_and_its_first_container_is_meant() {
    let api = Table::default().with(&format!("{PODS}/web"), pod("web", "1", None));
    let chosen = one(&api, &Pods::Named("web".into())).unwrap();
    assert_eq!(
        (chosen.namespace.as_str(), chosen.container.as_str()),
        ("home", "app")
    );
    assert_eq!(chosen.identity.uid, "uid-web");
    assert_eq!(
        chosen.identity.container,
        Some(("app".into(), "containerd://1".into()))
    );
    assert_eq!(chosen.why, None);
    assert_eq!(api.asked.lock().unwrap().len(), 1);
}

#[test]
fn the_annotation_names_the_default_container_and_the_option_wins_over_it() {
    let mut annotated = pod("web", "1", None);
    annotated["metadata"]["annotations"] = json!({DEFAULT_CONTAINER: "sidecar"});
    annotated["status"]["containerStatuses"] = json!([]);
    let api = Table::default().with(&format!("{PODS}/web"), annotated);
    let named = Pods::Named("web".into());
    assert_eq!(one(&api, &named).unwrap().container, "sidecar");
    let chosen = resolve(&api, None, &named, Some("app"), Count::One).unwrap();
    assert_eq!(chosen[0].container, "app");
}

#[test]
fn a_container_that_is_not_there_or_does_not_run_is_named() {
    let api = Table::default().with(&format!("{PODS}/web"), pod("web", "1", None));
    let named = Pods::Named("web".into());
    let problem = resolve(&api, None, &named, Some("db"), Count::One).unwrap_err();
    assert_eq!(
        problem.to_string(),
        "pod web has no container db; it has app, sidecar"
    );
    let problem = resolve(&api, None, &named, Some("sidecar"), Count::One).unwrap_err();
    assert_eq!(
        problem.to_string(),
        "container sidecar of pod web is not running: it is waiting (CrashLoopBackOff)"
    );
}

#[test]
fn what_is_not_there_is_named_as_the_user_calls_it() {
    let problem = one(&Table::default(), &Pods::Named("web".into())).unwrap_err();
    assert_eq!(problem.to_string(), "there is no pod web in namespace home");
    let problem = one(&Table::default(), &of("sts")).unwrap_err();
    assert_eq!(
        problem.to_string(),
        "there is no stateful set web in namespace home"
    );
    let problem = one(&Table::default(), &of("configmap")).unwrap_err();
    assert!(matches!(problem, Problem::UnknownKind { .. }));
}

fn deployment() -> Table {
    let set = |uid: &str, revision: &str| {
        json!({"metadata": {
            "name": uid, "uid": uid,
            "annotations": {"deployment.kubernetes.io/revision": revision},
            "ownerReferences": [{"kind": "Deployment", "name": "web", "uid": "d1", "controller": true}],
        }})
    };
    Table::default()
        .with(
            "/apis/apps/v1/namespaces/home/deployments/web",
            json!({"metadata": {"uid": "d1"}, "spec": {"selector": {"matchLabels": {"app": "web"}}}}),
        )
        .with(
            &by_app("/apis/apps/v1/namespaces/home/replicasets"),
            items(&[set("rs-9", "9"), set("rs-10", "10")]),
        )
        .with(
            &by_app(PODS),
            items(&[
                pod("young-of-old-revision", "3", Some(("ReplicaSet", "rs-9"))),
                pod("of-new-revision", "2", Some(("ReplicaSet", "rs-10"))),
                pod("of-somebody-else", "4", Some(("ReplicaSet", "rs-other"))),
            ]),
        )
}

#[test]
fn a_deployment_leads_to_the_newest_pod_of_its_newest_revision() {
    let chosen = one(&deployment(), &of("deploy")).unwrap();
    assert_eq!(chosen.identity.pod, "of-new-revision");
    assert_eq!(
        chosen.why.unwrap().to_string(),
        "the newest of 2 that are ready"
    );
}

#[test]
fn who_may_not_list_replica_sets_gets_the_youngest_pod() {
    let api = deployment().refusing(
        &by_app("/apis/apps/v1/namespaces/home/replicasets"),
        Problem::Forbidden {
            message: "no".into(),
        },
    );
    assert_eq!(
        one(&api, &of("deployment.apps")).unwrap().identity.pod,
        "of-somebody-else"
    );
}

#[test]
fn all_replicas_come_the_best_first() {
    let chosen = resolve(&deployment(), None, &of("deploy"), None, Count::All).unwrap();
    let names: Vec<_> = chosen
        .iter()
        .map(|chosen| chosen.identity.pod.as_str())
        .collect();
    assert_eq!(names, ["of-new-revision", "young-of-old-revision"]);
}

#[test]
fn a_service_leads_to_the_pods_behind_it() {
    let api = Table::default()
        .with(
            "/api/v1/namespaces/home/services/web",
            json!({"spec": {"selector": {"app": "web"}}}),
        )
        .with(
            &by_app(PODS),
            items(&[pod("a", "1", None), pod("b", "2", None)]),
        );
    assert_eq!(one(&api, &of("svc")).unwrap().identity.pod, "b");
}

#[test]
fn a_service_without_a_selector_leads_nowhere() {
    let api = Table::default().with(
        "/api/v1/namespaces/home/services/web",
        json!({"spec": {"type": "ExternalName"}}),
    );
    assert_eq!(one(&api, &of("svc")).unwrap_err(), Problem::NoSelector);
}

#[test]
fn a_cron_job_leads_to_its_latest_job() {
    let job = |name: &str, created: &str, owner: &str| {
        json!({
            "metadata": {"name": name, "uid": name, "creationTimestamp": created,
                "ownerReferences": [{"kind": "CronJob", "name": "web", "uid": owner, "controller": true}]},
            "spec": {"selector": {"matchLabels": {"job": name}}},
        })
    };
    let jobs = "/apis/batch/v1/namespaces/home/jobs";
    let api = Table::default()
        .with(
            "/apis/batch/v1/namespaces/home/cronjobs/web",
            json!({"metadata": {"name": "web", "uid": "c1"}}),
        )
        .with(
            jobs,
            items(&[
                job("early", "1", "c1"),
                job("late", "2", "c1"),
                job("other", "3", "c2"),
            ]),
        )
        .with(
            &format!("{PODS}?labelSelector=job%3Dlate"),
            items(&[pod("late-x", "2", None)]),
        );
    assert_eq!(one(&api, &of("cronjob")).unwrap().identity.pod, "late-x");
}

#[test]
fn a_selector_that_matches_different_things_is_ambiguous_unless_all_are_wanted() {
    let api = Table::default().with(
        &by_app(PODS),
        items(&[
            pod("a", "1", Some(("StatefulSet", "db"))),
            pod("b", "2", Some(("DaemonSet", "log"))),
        ]),
    );
    let selected = Pods::Selected("app=web".into());
    assert_eq!(
        one(&api, &selected).unwrap_err().to_string(),
        "the pods belong to different things: daemonset log, statefulset db"
    );
    let all = resolve(&api, None, &selected, None, Count::All).unwrap();
    assert_eq!(all.len(), 2);
}

#[test]
fn a_selector_that_the_server_does_not_understand_is_quoted() {
    let api = Table::default().refusing(
        &format!("{PODS}?labelSelector=a%3D%3Db%28"),
        Problem::Server {
            code: 400,
            message: "unable to parse requirement".into(),
        },
    );
    let problem = one(&api, &Pods::Selected("a==b(".into())).unwrap_err();
    assert_eq!(problem.to_string(), "`a==b(` is no label selector");
}

#[test]
fn a_selector_that_matches_nothing_or_nothing_that_runs_says_which() {
    let selected = Pods::Selected("app=web".into());
    let api = Table::default().with(&by_app(PODS), items(&[]));
    assert_eq!(one(&api, &selected).unwrap_err(), Problem::NoPods);
    let mut ended = pod("a", "1", None);
    ended["status"]["phase"] = json!("Succeeded");
    let api = Table::default().with(&by_app(PODS), items(&[ended]));
    assert_eq!(
        one(&api, &selected).unwrap_err().to_string(),
        "none of its pods can be used: 1 ended"
    );
}
