//! Going through a tree with several threads.
//!
//! Directories wait on a stack that the threads share, so the walk goes deep first and few
//! directories are open at a time. A directory is visited before anything below it.

mod pace;
mod word;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use crate::engine::threads::{start, threads, threads_alone};
use crate::engine::tree::{DirListing, Tree};
use crate::filter::{FilterError, Scope};
use crate::path::{FileName, RelPath};
use crate::root::{self, Dir};
use crate::wire::limits::MAX_DEPTH;
use crate::wire::message::{ProblemKind, SystemError};
use pace::{Listed, Pace};
pub(crate) use word::Word;

/// Threads at first, at most.
const USUAL_THREADS: usize = 2;
/// Threads at most, where the file system is slow.
const MOST_THREADS: usize = 8;

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
    /// What is in it, or why that is not known. Lent: the entries have to stay, in their order.
    pub(crate) listing: Result<&'a mut DirListing, ProblemKind>,
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
    /// Threads that wait for a job: waking nobody would still be a system call.
    waiting: usize,
    threads: usize,
    /// So many of them are to end once the other end is there.
    extra: usize,
    /// So many there are to be.
    wanted: usize,
    pace: Pace,
    failure: Option<E>,
}

impl<E> Queue<E> {
    /// One thread less than there were to be at first.
    fn lack_one(&mut self) {
        self.threads -= 1;
        self.wanted -= 1;
        self.extra = self.extra.min(self.threads - 1);
    }
}

/// Visits every directory of `tree` that takes part, with several threads; with more of them where
/// the file system takes its time, because its disk can look for many things at once, while this end
/// is alone, and once it is told to hurry.
///
/// The visitor answers with a number that the visits of the directories below get as `parent`,
/// or with nothing to stay out of them. Its first error ends the walk.
pub(crate) fn walk<E: Send>(
    tree: &Tree<'_>,
    word: &Word,
    visit: &(dyn Fn(Visit<'_>) -> Result<Option<u32>, E> + Sync),
) -> Result<(), E> {
    let usual = threads(USUAL_THREADS);
    let at_first = match word.is_alone() {
        true => threads_alone(USUAL_THREADS),
        false => usual,
    };
    let first = Job {
        above: None,
        path: RelPath::root(),
        scope: tree.filter.root_scope(),
        parent: 0,
    };
    let walk = Walk {
        tree,
        word,
        visit,
        queue: Mutex::new(Queue {
            jobs: vec![first],
            busy: 0,
            waiting: 0,
            threads: at_first,
            extra: at_first - usual,
            wanted: at_first,
            pace: Pace::default(),
            failure: None,
        }),
        wake: Condvar::new(),
    };
    thread::scope(|scope| {
        for _ in 1..at_first {
            if start(scope, || walk.work(scope)).is_err() {
                walk.lock().lack_one();
            }
        }
        walk.work(scope);
    });
    let queue = walk.queue.into_inner();
    match queue.unwrap_or_else(PoisonError::into_inner).failure {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

/// A walk that is under way.
struct Walk<'a, E> {
    tree: &'a Tree<'a>,
    word: &'a Word,
    visit: &'a (dyn Fn(Visit<'_>) -> Result<Option<u32>, E> + Sync),
    queue: Mutex<Queue<E>>,
    wake: Condvar,
}

impl<E: Send> Walk<'_, E> {
    fn lock(&self) -> MutexGuard<'_, Queue<E>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work<'scope>(&'scope self, scope: &'scope thread::Scope<'scope, '_>) {
        let mut below = Vec::new();
        while let Some(job) = self.next() {
            let (result, listed) = visit_one(self.tree, &job, self.visit, &mut below);
            let mut queue = self.lock();
            queue.busy -= 1;
            if let Err(failure) = result {
                queue.failure.get_or_insert(failure);
            }
            // The first name is to be popped first.
            queue.jobs.extend(below.drain(..).rev());
            if queue.pace.is_slow(listed) {
                queue.wanted = (queue.threads + 1).min(MOST_THREADS);
            }
            if self.word.is_to_hurry() {
                queue.wanted = queue.wanted.max(threads_alone(USUAL_THREADS));
            }
            if queue.threads < queue.wanted && !queue.jobs.is_empty() {
                // Where there may be no more threads, those that are there have to do.
                let more = start(scope, || self.work(scope));
                queue.threads += usize::from(more.is_ok());
                queue.wanted = queue.threads;
            }
            let is_over = queue.failure.is_some() || queue.busy == 0 && queue.jobs.is_empty();
            if queue.waiting > 0 && is_over {
                self.wake.notify_all();
            } else if queue.waiting > 0 && queue.jobs.len() > 1 {
                // One job is for this thread itself.
                self.wake.notify_one();
            }
        }
    }

    /// The next directory; nothing once there will be no more.
    fn next(&self) -> Option<Job> {
        let mut queue = self.lock();
        loop {
            if queue.failure.is_some() {
                return None;
            }
            if queue.extra > 0 && !self.word.is_alone() {
                queue.extra -= 1;
                queue.threads -= 1;
                queue.wanted -= 1;
                if queue.waiting > 0 && !queue.jobs.is_empty() {
                    self.wake.notify_one();
                }
                return None;
            }
            if let Some(job) = queue.jobs.pop() {
                queue.busy += 1;
                return Some(job);
            }
            if queue.busy == 0 {
                return None;
            }
            queue.waiting += 1;
            queue = self
                .wake
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
            queue.waiting -= 1;
        }
    }
}

/// Visits one directory and adds the ones in it to `below`; tells also what it took to list it.
fn visit_one<E>(
    tree: &Tree<'_>,
    job: &Job,
    visit: &(dyn Fn(Visit<'_>) -> Result<Option<u32>, E> + Sync),
    below: &mut Vec<Job>,
) -> (Result<(), E>, Listed) {
    let started = Instant::now();
    let opened = match &job.above {
        None => tree.root.top().try_clone(),
        Some((above, name)) => above.open_dir(name),
    };
    let (dir, scope, mut listing) = match opened {
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
    let listed = Listed {
        time: started.elapsed(),
        entries: listing.as_ref().map_or(0, |listing| listing.entries.len()),
    };
    let visited = Visit {
        dir: dir.as_ref(),
        path: &job.path,
        scope: &scope,
        parent: job.parent,
        listing: listing.as_mut().map_err(|problem| problem.clone()),
    };
    let parent = match visit(visited) {
        Ok(parent) => parent,
        Err(failure) => return (Err(failure), listed),
    };
    let (Some(parent), Some(dir), Ok(listing)) = (parent, dir, listing) else {
        return (Ok(()), listed);
    };
    if job.path.depth() >= MAX_DEPTH {
        return (Ok(()), listed);
    }
    for entry in listing.entries.iter().filter(|entry| entry.is_dir()) {
        below.push(Job {
            above: Some((Arc::clone(&dir), entry.name.clone())),
            path: job.path.join(&entry.name),
            scope: scope.clone(),
            parent,
        });
    }
    root::give_back(listing.entries);
    (Ok(()), listed)
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use super::*;
    use crate::engine::tree::Side;
    use crate::filter::Filter;
    use crate::options::Options;
    use crate::plan::Guard;
    use crate::root::Root;

    /// Goes through a tree of twenty directories.
    fn visit_many(word: &Word, visit: &(dyn Fn() + Sync)) {
        let place = tempfile::tempdir().unwrap();
        for number in 0..20 {
            std::fs::create_dir(place.path().join(number.to_string())).unwrap();
        }
        let options = Options::default();
        let filter = Filter::new(&options.filter, false).unwrap();
        let tree = Tree {
            root: Root::open(place.path()).unwrap(),
            only: None,
            filter: &filter,
            options: &options,
            side: Side::Source,
            guard: Guard::default(),
        };
        let outcome = walk::<()>(&tree, word, &|visited| {
            if !visited.path.is_root() {
                visit();
            }
            Ok(Some(0))
        });
        assert_eq!(outcome, Ok(()));
    }

    /// How many threads visit a tree of many directories. Each waits for `awaited` of them to be
    /// there, though not for ever.
    fn walkers(word: &Word, awaited: usize) -> usize {
        let (seen, came) = (Mutex::new(HashSet::new()), Condvar::new());
        visit_many(word, &|| {
            let mut seen = seen.lock().unwrap();
            seen.insert(thread::current().id());
            came.notify_all();
            let patience = Duration::from_secs(10);
            drop(came.wait_timeout_while(seen, patience, |seen| seen.len() < awaited));
        });
        seen.into_inner().unwrap().len()
    }

    #[test]
    fn a_walk_that_is_to_hurry_takes_the_processors_that_are_free() {
        let (usual, alone) = (threads(USUAL_THREADS), threads_alone(USUAL_THREADS));
        assert_eq!(walkers(&Word::default(), usual), usual);
        let word = Word::default();
        word.hurry();
        assert_eq!(walkers(&word, alone), alone);
    }

    #[test]
    fn a_walk_takes_all_processors_until_the_other_end_is_there() {
        let (usual, alone) = (threads(USUAL_THREADS), threads_alone(USUAL_THREADS));
        assert_eq!(walkers(&Word::alone(), alone), alone);
        let (word, visits) = (Word::alone(), Mutex::new(Vec::new()));
        visit_many(&word, &|| {
            let mut visits = visits.lock().unwrap();
            visits.push(thread::current().id());
            if visits.len() == 5 {
                word.joined();
            }
            drop(visits);
            thread::sleep(Duration::from_millis(1));
        });
        let visits = visits.into_inner().unwrap();
        assert_eq!(visits.len(), 20);
        // Each thread may have been on its way to one more.
        let later: HashSet<_> = visits.iter().skip(5 + alone).collect();
        assert!(later.len() <= usual, "{later:?}");
    }
}
