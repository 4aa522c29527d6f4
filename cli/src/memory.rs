//! What one sync remembers for later: old versions of what it changes.
//!
//! Remembering never stands in the way of a sync. What does not work is said, once.

use std::sync::Arc;

use rsync_core::engine::keeper::Keeper;
use rsync_core::engine::{Care, Report};
use rsync_core::keep::{Kept, Loss};
use rsync_core::options::Options;

use crate::args::Sync;
use crate::exit::Exit;
use crate::locate::Ends;
use crate::mapping::Verb;
use crate::monitor::{Lines, Watch};
use crate::state::{Baseline, Ended, NoState, Run, State, Verbs};

/// What one sync remembers.
pub(crate) struct Memory {
    lines: Arc<Lines>,
    run: Option<(Run, u64)>,
    baseline: Option<Baseline>,
    accepts_any_source: bool,
    is_dry: bool,
    max_delete_percent: u8,
    trusts_source: bool,
}

impl Memory {
    /// Prepares to remember what comes of a run. A push leaves nothing here to undo.
    pub(crate) fn open(
        args: &Sync,
        ends: &Ends,
        options: &Options,
        verb: Verb,
        watch: &Watch,
    ) -> Self {
        let mut memory = Self {
            lines: watch.lines(),
            run: None,
            baseline: None,
            accepts_any_source: args.change.accept_source,
            is_dry: options.dry_run,
            max_delete_percent: args.change.max_delete_percent,
            trusts_source: args.change.trust_source || ends.are_local(),
        };
        let keeps = verb == Verb::Pull && !options.dry_run;
        let budget = args.keep.budget().filter(|_| keeps);
        let opened = State::open().and_then(|state| {
            memory.baseline = baseline(&state, args, ends, verb);
            let run = budget.map(|budget| Ok((begin(state, args, ends, budget)?, budget)));
            run.transpose()
        });
        match opened {
            Ok(run) => memory.run = run,
            Err(_) if budget.is_none() => {}
            Err(error) => memory.complain(&format!(
                "this run can not be undone: {error}; set XDG_STATE_HOME, or say --no-undo"
            )),
        }
        memory
    }

    /// What the engine is to take care of.
    pub(crate) fn care(&self) -> Care<'_> {
        Care {
            keeper: self
                .run
                .as_ref()
                .map(|(run, _)| run.keeping() as &dyn Keeper),
            incarnation: self
                .baseline
                .as_ref()
                .filter(|_| !self.accepts_any_source)
                .and_then(Baseline::agreed),
            max_delete_percent: Some(self.max_delete_percent).filter(|&percent| percent < 100),
            guarded: !self.trusts_source,
        }
    }

    /// The run is over. Its source is the one that deletions may rest on, unless what is here came
    /// from another and nobody has agreed to this.
    pub(crate) fn end(mut self, exit: Exit, report: Option<&Report>) {
        if let (Some(baseline), Some(report)) = (&self.baseline, report)
            && !self.is_dry
            && (self.accepts_any_source || report.began_empty || baseline.agreed().is_none())
            && let Err(error) = baseline.agree(report.incarnation)
        {
            self.complain(&format!(
                "the source can not be remembered: {}; check the state directory",
                crate::errors::words_of(&error)
            ));
        }
        let receipt = report.map(|report| &report.receipt);
        let Some((run, budget)) = self.run.take() else {
            return;
        };
        let kept = run.keeping().kept();
        if kept.lost > 0 {
            self.complain(&what_is_lost(&kept));
        }
        if let Err(error) = run.end(Ended::new(exit.code(), receipt, &kept), budget) {
            self.complain(&format!(
                "the account of this run can not be written: {}; ksyncd log shows it as cut",
                crate::errors::words_of(&error)
            ));
        }
    }

    fn complain(&self, sentence: &str) {
        self.lines.err(&format!("ksyncd: {sentence}"));
    }
}

/// What an undo will not bring back.
fn what_is_lost(kept: &Kept) -> String {
    let changes = match kept.lost {
        1 => "1 change".to_owned(),
        many => format!("{many} changes"),
    };
    let why = match &kept.first_loss {
        Some(Loss::System { operation, code }) => {
            let error = crate::errors::words_of(&std::io::Error::from_raw_os_error(*code));
            format!("the first because of an error: cannot {operation}: {error}")
        }
        _ => "as there is no room for what was there before; --undo-keep makes more".to_owned(),
    };
    format!("{changes} can not be undone, {why}")
}

/// What is remembered of the source. A directory of this machine is made anew by many a program
/// that has no other way to fill it: nothing is to be learned from that, and of the source of a push
/// only the file system is looked at.
fn baseline(state: &State, args: &Sync, ends: &Ends, verb: Verb) -> Option<Baseline> {
    let elsewhere = match verb {
        Verb::Pull if ends.are_local() => return None,
        Verb::Pull => &args.source,
        Verb::Push => &args.dest,
    };
    let reach = &args.reach;
    // As it was written: a deployment stays the same one, whichever pod there is today.
    let mut target = format!(
        "{:?}",
        (
            elsewhere,
            &reach.rsh,
            &reach.namespace,
            &reach.container,
            &reach.context,
            &reach.kubeconfig
        )
    );
    if verb == Verb::Push {
        target.push_str(" is pushed to");
    }
    Some(Baseline::of(state, &target, &ends.there.path, &ends.here))
}

fn begin(state: State, args: &Sync, ends: &Ends, budget: u64) -> Result<Run, NoState> {
    let source = args.source.to_string_lossy().into_owned();
    Run::begin(state, Verbs::Pull, source, &ends.here, budget).map_err(|cause| NoState::Unusable {
        path: "the state directory".into(),
        cause,
    })
}
