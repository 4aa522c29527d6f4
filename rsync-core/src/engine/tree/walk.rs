//! Going through a tree with several threads.
//!
//! Directories wait on a stack that the threads share, so the walk goes deep first and few
//! directories are open at a time. A directory is visited before anything below it.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::engine::tree::{DirListing, Tree};
use crate::filter::{FilterError, Scope};
use crate::path::{FileName, RelPath};
use crate::root::{self, Dir};
use crate::wire::limits::MAX_DEPTH;
use crate::wire::message::{ProblemKind, SystemError};

/// A directory that the walk came to.
pub(crate) struct Visit<'a> {
    /// The directory held open; nothing if it can not be opened.
    pub(crate) dir: Option<&'a Arc<Dir>>,
    /// Where it is.
    pub(crate) path: &'a RelPath,
    /// Filter rules in force inside.
    pub(crate) scope: &'a Scope,
    /// What the visitor answered for the directory above.
    pub(crate) parent: u32,
    /// What is in it, or why that is not known.
    pub(crate) listing: Result<&'a DirListing, ProblemKind>,
}

struct Job {
    above: Option<(Arc<Dir>, FileName)>,
    path: RelPath,
    scope: Scope,
    parent: u32,
}

struct Queue<E> {
    jobs: Vec<Job>,
    busy: usize,
    failure: Option<E>,
}

/// Visits every directory of `tree` that takes part, with `threads` threads.
///
/// The visitor answers with a number that the visits of the directories below get as `parent`,
/// or with nothing to stay out of them. Its first error ends the walk.
pub(crate) fn walk<E: Send>(
    tree: &Tree<'_>,
    threads: usize,
    visit: &(dyn Fn(Visit<'_>) -> Result<Option<u32>, E> + Sync),
) -> Result<(), E> {
    let first = Job {
        above: None,
        path: RelPath::root(),
        scope: tree.filter.root_scope(),
        parent: 0,
    };
    let queue = Mutex::new(Queue {
        jobs: vec![first],
        busy: 0,
        failure: None,
    });
    let wake = Condvar::new();
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| work(tree, &queue, &wake, visit));
        }
        work(tree, &queue, &wake, visit);
    });
    match queue
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
        .failure
    {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

fn work<E: Send>(
    tree: &Tree<'_>,
    queue: &Mutex<Queue<E>>,
    wake: &Condvar,
    visit: &(dyn Fn(Visit<'_>) -> Result<Option<u32>, E> + Sync),
) {
    let lock = || queue.lock().unwrap_or_else(PoisonError::into_inner);
    let mut below = Vec::new();
    loop {
        let job = {
            let mut queue = lock();
            loop {
                if queue.failure.is_some() {
                    return;
                }
                if let Some(job) = queue.jobs.pop() {
                    queue.busy += 1;
                    break job;
                }
                if queue.busy == 0 {
                    return;
                }
                queue = wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        };
        let result = visit_one(tree, &job, visit, &mut below);
        let mut queue = lock();
        queue.busy -= 1;
        if let Err(failure) = result {
            queue.failure.get_or_insert(failure);
        }
        // The first name is to be popped first.
        queue.jobs.extend(below.drain(..).rev());
        drop(queue);
        wake.notify_all();
    }
}

fn visit_one<E>(
    tree: &Tree<'_>,
    job: &Job,
    visit: &(dyn Fn(Visit<'_>) -> Result<Option<u32>, E> + Sync),
    below: &mut Vec<Job>,
) -> Result<(), E> {
    let opened = match &job.above {
        None => tree.root.top().try_clone(),
        Some((above, name)) => above.open_dir(name),
    };
    let (dir, scope, listing) = match opened {
        Err(error) => (None, job.scope.clone(), Err(problem("open", &error))),
        Ok(dir) => {
            let listing = tree.enter(&job.scope, &dir, &job.path).and_then(|scope| {
                let listing = tree.list(&dir, &job.path, &scope)?;
                Ok((scope, listing))
            });
            match listing {
                Ok((scope, listing)) => (Some(Arc::new(dir)), scope, Ok(listing)),
                Err(error) => (
                    Some(Arc::new(dir)),
                    job.scope.clone(),
                    Err(problem("list", &error)),
                ),
            }
        }
    };
    let visited = Visit {
        dir: dir.as_ref(),
        path: &job.path,
        scope: &scope,
        parent: job.parent,
        listing: listing.as_ref().map_err(Clone::clone),
    };
    let Some(parent) = visit(visited)? else {
        return Ok(());
    };
    let (Some(dir), Ok(listing)) = (dir, listing) else {
        return Ok(());
    };
    if job.path.depth() >= MAX_DEPTH {
        return Ok(());
    }
    for entry in listing.entries.iter().filter(|entry| entry.is_dir()) {
        below.push(Job {
            above: Some((Arc::clone(&dir), entry.name.clone())),
            path: job.path.join(&entry.name),
            scope: scope.clone(),
            parent,
        });
    }
    Ok(())
}

/// What the other end is told of an error.
pub(crate) fn problem(operation: &str, error: &root::Error) -> ProblemKind {
    match error
        .source
        .get_ref()
        .and_then(|reason| reason.downcast_ref::<FilterError>())
    {
        Some(reason) => ProblemKind::Rules(reason.to_string()),
        None => ProblemKind::System(SystemError {
            operation: operation.into(),
            code: error.code(),
        }),
    }
}
