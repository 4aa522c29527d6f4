//! Services of compose: containers know by their labels to which one they belong.

use std::collections::BTreeSet;
use std::process::Command;

use rsync_core::path::escape;

use super::Problem;
use crate::name::is_container;
use crate::target::Engine;

/// Asks for the running containers of a service, one line each.
pub(super) fn question(engine: Engine, service: &str) -> Command {
    let mut command = Command::new(engine.program());
    command.args(["ps", "--no-trunc"]);
    command.arg(format!(
        "--filter=label=com.docker.compose.service={service}"
    ));
    command.arg(
        "--format={{.ID}}\t{{.Label \"com.docker.compose.container-number\"}}\t\
         {{.Label \"com.docker.compose.project\"}}",
    );
    command
}

/// The first container of the service: the one with the lowest number.
pub(super) fn choose(
    answer: &str,
    project: Option<&str>,
    service: &str,
) -> Result<String, Problem> {
    let mut found: Vec<(u64, &str, &str)> = answer
        .lines()
        .filter_map(|line| {
            let mut fields = line.split('\t');
            let id = fields.next().filter(|id| is_container(id))?;
            let number = fields.next()?.parse().unwrap_or(u64::MAX);
            Some((number, id, fields.next()?))
        })
        .filter(|(_, _, of)| project.is_none_or(|project| project == *of))
        .collect();
    found.sort_unstable();
    let projects: BTreeSet<&str> = found.iter().map(|(_, _, project)| *project).collect();
    if projects.len() > 1 {
        return Err(Problem::SeveralProjects {
            service: service.to_owned(),
            projects: projects
                .into_iter()
                .map(|project| escape(project.as_bytes()))
                .collect(),
        });
    }
    let first = found.first().map(|(_, id, _)| (*id).to_owned());
    first.ok_or_else(|| Problem::NoService {
        service: service.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "bbb\t2\tshop\naaa\t10\tshop\nccc\t1\tshop\n";

    #[test]
    fn the_first_container_of_the_service_is_taken() {
        assert_eq!(choose(TWO, None, "db").unwrap(), "ccc");
    }

    #[test]
    fn a_service_that_does_not_run_is_named() {
        let problem = choose("", None, "db").unwrap_err();
        assert_eq!(
            problem.to_string(),
            "no container of the service db is running"
        );
    }

    #[test]
    fn a_service_of_several_projects_needs_the_project() {
        let answer = format!("{TWO}ddd\t1\tother\n");
        let problem = choose(&answer, None, "db").unwrap_err();
        assert_eq!(
            problem.to_string(),
            "several projects have a service db: other, shop"
        );
        assert_eq!(choose(&answer, Some("other"), "db").unwrap(), "ddd");
    }

    #[test]
    fn an_answer_that_is_no_name_is_passed_over() {
        assert!(choose("--privileged\t1\tx\n", None, "db").is_err());
    }
}
