//! What is left at a destination after deleting is what rsync leaves: same rules, same trees.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod oracle;

use std::collections::BTreeSet;
use std::path::Path;

use oracle::Choices;
use oracle::rsync::{compile, filter_arguments, random_case};
use rsync_core::filter::{Filter, FilterError, Scope};
use rsync_core::path::RelPath;

/// What is left at `destination` after deleting what `sent` does not hold.
fn survivors(
    filter: &Filter,
    destination: &Path,
    sent: &BTreeSet<String>,
) -> Result<BTreeSet<String>, FilterError> {
    let mut left = sent.clone();
    let mut pending = vec![(filter.root_scope(), RelPath::root())];
    while let Some((parent, dir)) = pending.pop() {
        let scope = oracle::enter(filter, &parent, destination, &dir)?;
        for (name, is_dir) in oracle::names(&oracle::below(destination, &dir)) {
            let path = dir.join(&name);
            let was_sent = sent.contains(&oracle::text(&path, is_dir));
            if was_sent && is_dir {
                pending.push((scope.clone(), path));
            } else if filter.receiver_protects(&scope, &dir, &name, is_dir) {
                keep(destination, &path, &mut left);
            } else if is_dir && !was_sent {
                delete(filter, &scope, destination, &path, &mut left)?;
            }
        }
    }
    Ok(left)
}

/// Keeps a protected entry with everything below it.
fn keep(destination: &Path, path: &RelPath, left: &mut BTreeSet<String>) {
    let full = oracle::below(destination, path);
    if !full.is_dir() {
        left.insert(oracle::text(path, false));
        return;
    }
    left.insert(oracle::text(path, true));
    for (name, _) in oracle::names(&full) {
        keep(destination, &path.join(&name), left);
    }
}

/// Deletes a directory, which stays if something in it is protected.
fn delete(
    filter: &Filter,
    parent: &Scope,
    destination: &Path,
    dir: &RelPath,
    left: &mut BTreeSet<String>,
) -> Result<(), FilterError> {
    let scope = oracle::enter(filter, parent, destination, dir)?;
    let before = left.len();
    for (name, is_dir) in oracle::names(&oracle::below(destination, dir)) {
        if filter.receiver_protects_in_deleted(&scope, dir, &name, is_dir) {
            keep(destination, &dir.join(&name), left);
        } else if is_dir {
            delete(filter, &scope, destination, &dir.join(&name), left)?;
        }
    }
    if left.len() > before {
        left.insert(oracle::text(dir, true));
    }
    Ok(())
}

#[test]
fn random_rules_protect_what_rsync_protects() {
    if !oracle::installed("rsync") {
        return;
    }
    for seed in oracle::seeds(100) {
        let (rules, mut tree) = random_case(seed);
        let room = tempfile::tempdir().unwrap();
        let room = room.path().canonicalize().unwrap();
        let (source, destination) = (room.join("source"), room.join("destination"));
        oracle::build(&tree, &destination);
        let mut choices = Choices(!seed);
        tree.retain(|_, _| choices.one_in(2));
        oracle::build(&tree, &source);
        let delete_excluded = choices.one_in(3);

        let ours = compile(&rules, delete_excluded, &source)
            .and_then(|filter| oracle::sent(&filter, &source))
            .and_then(|sent| {
                survivors(
                    &compile(&rules, delete_excluded, &destination)?,
                    &destination,
                    &sent,
                )
            });
        let mut arguments = filter_arguments(&rules);
        arguments.extend(["-a".to_owned(), "--delete-before".to_owned()]);
        arguments.extend(delete_excluded.then(|| "--delete-excluded".to_owned()));
        arguments.extend([
            format!("{}/", source.display()),
            format!("{}/", destination.display()),
        ]);
        let output = oracle::run("rsync", &arguments, &room);
        let refused = output.status.code() == Some(1);
        let theirs = if refused {
            None
        } else {
            Some(oracle::everything(&destination))
        };
        assert_eq!(
            ours.clone().ok(),
            theirs,
            "seed {seed}, rules {rules:#?} ({:?}), delete excluded {delete_excluded}, source {tree:#?}",
            ours.err()
        );
    }
}
