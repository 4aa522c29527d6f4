//! Running the tools side by side.
//!
//! For each workload and link, all tools take turns, as often as asked for, so that whatever else
//! the machine does hits all of them alike. Before each run the destination is as it was, after it
//! it is compared with the source. A tool that fails is out for that workload and link, with its
//! reason; the others go on. Results are written after each of them.

mod links;
mod options;
mod volume;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
pub use links::LinkKind;
pub use options::Suite;
use rustix::process::{getpid, set_child_subreaper};
pub use volume::FileSystem;

use crate::machine::Machine;
use crate::report::{Results, Row};
use crate::run::{Reports, Sample, run};
use crate::tool::{Place, Tool};
use crate::tree::{self, Manifest, Precision, differences, restore};
use crate::workload::{self, Workload};
use volume::Volume;

/// A suite that runs.
struct Running<'a> {
    suite: &'a Suite,
    trees: PathBuf,
    destination: PathBuf,
    /// Where destinations get a file system of their own, if they can.
    volume: Option<Volume>,
    /// Destinations of earlier such runs, if they can not. To remove one just before a run would
    /// slow that down.
    discarded: PathBuf,
    /// For reports of the link, and what tools want to remember.
    scratch: PathBuf,
    own: PathBuf,
    ksyncd: PathBuf,
    say: &'a mut dyn FnMut(&str),
}

/// Where ksyncd keeps old versions if the destination is not on the file system of its memory.
const KEPT: &str = ".ksyncd.kept";
/// Trees like the wanted one for which a destination that begins empty has room.
const TREES_WHEN_EMPTY: u64 = 2;
/// The same where a run finds an older tree: that one, what is made of it, what is kept of it, and
/// what is freed but not yet free.
const TREES_WITH_OLDER: u64 = 4;

/// What a workload's runs need.
struct Stage<'a> {
    workload: &'a Workload,
    link: &'a LinkKind,
    /// What the destination has to lie on, if that was asked for.
    on: Option<FileSystem>,
    wanted: &'a Manifest,
}

impl Suite {
    /// Runs it, telling `say` how it goes, and tells where the table is.
    ///
    /// # Errors
    /// If names are not known, trees can not be made, or results not be written. Not if a tool
    /// fails.
    pub fn run(&self, say: &mut dyn FnMut(&str)) -> Result<PathBuf> {
        let workloads = self.workloads()?;
        for workload in &workloads {
            // So that a wrong name is found now and not after an hour.
            self.tools(workload)?;
            self.links(workload)?;
        }
        set_child_subreaper(Some(getpid()))?;
        let mut running = Running::new(self, say)?;
        let mut results = running.describe();
        let name = self
            .name
            .as_deref()
            .unwrap_or(if self.quick { "quick" } else { "full" });
        let mut path = results.write(&self.results, name)?;
        for (nth, workload) in workloads.iter().enumerate() {
            let wanted = running.prepare(workload)?;
            for link in &self.links(workload)? {
                for on in self.grounds() {
                    let stage = Stage {
                        workload,
                        link,
                        on,
                        wanted: &wanted,
                    };
                    running.compare(&stage, &mut results)?;
                    path = results.write(&self.results, name)?;
                }
            }
            running.clean(&workloads[nth + 1..])?;
        }
        Ok(path)
    }
}

impl<'a> Running<'a> {
    fn new(suite: &'a Suite, say: &'a mut dyn FnMut(&str)) -> Result<Self> {
        fs::create_dir_all(&suite.dir).with_context(|| suite.dir.display().to_string())?;
        let dir = suite.dir.canonicalize()?;
        let own = std::env::current_exe()?;
        let beside = own.with_file_name("ksyncd");
        let ksyncd = suite.ksyncd.clone().unwrap_or(beside);
        ensure!(
            ksyncd.exists(),
            "there is no {}; build it (cargo build --release -p ksyncd) or name one with --ksyncd",
            ksyncd.display()
        );
        let size = suite.divisor();
        Ok(Self {
            suite,
            trees: dir.join(format!("trees-{size}-{}", suite.seed)),
            volume: Some(Volume::new(dir.join("volume"), dir.join("destination"))),
            destination: dir.join("destination"),
            discarded: dir.join("discarded"),
            scratch: dir.join("scratch"),
            own,
            ksyncd: ksyncd.canonicalize()?,
            say,
        })
    }

    fn describe(&self) -> Results {
        let suite = self.suite;
        let mut words = vec!["ksyncd-bench".to_owned()];
        words.extend(std::env::args().skip(1));
        let limit = suite.agent_cpu.map_or_else(String::new, |cpu| {
            format!(" The far end may use {cpu} of a processor.")
        });
        let size = match suite.divisor() {
            1 => "full size".to_owned(),
            divisor => format!("a {divisor}th of the size"),
        };
        let ground = match suite.file_systems.as_slice() {
            [] => "where it can be mounted, a new ext4 in a file for every run into an empty \
                   destination"
                .to_owned(),
            kinds => {
                let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
                format!("destinations on a new {} in a file", names.join(", "))
            }
        };
        Results {
            command: words.join(" "),
            settings: format!(
                "Seed {}, {size}, {} runs each, caches warm; {ground}.{limit}",
                suite.seed,
                suite.times()
            ),
            machine: Machine::this(&suite.dir, &self.ksyncd),
            rows: Vec::new(),
        }
    }

    fn prepare(&mut self, workload: &Workload) -> Result<Manifest> {
        (self.say)(&format!("{}: making {}", workload.id, workload.title));
        fs::create_dir_all(&self.trees)?;
        workload::prepare(workload, &self.trees, self.suite.size(), self.suite.seed)?;
        Manifest::read(&self.trees.join(workload.source))
    }

    fn compare(&mut self, stage: &Stage<'_>, results: &mut Results) -> Result<()> {
        let (workload, link) = (stage.workload, stage.link);
        let tools = self.suite.tools(workload)?;
        let mut rows: Vec<Row> = tools.iter().map(|tool| row(tool, stage)).collect();
        for dir in [&self.scratch, &self.destination, &self.discarded] {
            tree::clear(dir)?;
        }
        for time in 0..self.suite.times() {
            for turn in 0..tools.len() {
                // Nobody always comes after the same one.
                let nth = (turn + time) % tools.len();
                let (tool, row) = (tools[nth], &mut rows[nth]);
                // The floor does not go over the link: once is enough.
                let elsewhere = tool.is_floor() && !workload.links.starts_with(&[&link.name]);
                if row.failure.is_some() || (elsewhere && self.suite.links.is_empty()) {
                    continue;
                }
                let said = match self.once(stage, tool, time == 0) {
                    Ok(sample) => {
                        row.samples.push(sample);
                        format!("{:.3} s", sample.wall)
                    }
                    Err(error) => {
                        let reason = format!("{error:#}");
                        if workload.before.is_some() {
                            self.give_up()?;
                        }
                        row.failure = Some(reason.clone());
                        format!("failed: {reason}")
                    }
                };
                let (id, place) = (workload.id, row.place());
                let of = self.suite.times();
                (self.say)(&format!(
                    "{id} {place} {}/{of} {}: {said}",
                    time + 1,
                    tool.id
                ));
            }
        }
        self.volume.as_mut().map_or(Ok(()), Volume::remove)?;
        tree::clear(&self.discarded)?;
        results.rows.extend(
            rows.into_iter()
                .filter(|row| !row.samples.is_empty() || row.failure.is_some()),
        );
        Ok(())
    }

    fn once(&mut self, stage: &Stage<'_>, tool: &Tool, first: bool) -> Result<Sample> {
        let program = Path::new(tool.program);
        if tool.program != "ksyncd" && !is_there(program) {
            bail!("there is no program named {}", tool.program);
        }
        let memory = self.scratch.join(tool.id);
        let remembers = stage.workload.before == Some(stage.workload.source);
        if first && (tool.id == "ksyncd" || (tool.id == "unison" && remembers)) {
            // The first contact delivers the agent, and the first run learns the state.
            self.reset(stage)?;
            tree::clear(&memory)?;
            self.measure(stage, tool, &memory)?;
        }
        self.reset(stage)?;
        if !remembers {
            tree::clear(&memory)?;
        }
        let sample = self.measure(stage, tool, &memory)?;
        if !tool.is_floor() {
            self.check(stage.wanted, tool.precision())?;
        }
        Ok(sample)
    }

    /// Makes the destination as it was before.
    fn reset(&mut self, stage: &Stage<'_>) -> Result<()> {
        let Some(before) = stage.workload.before else {
            return self.empty(stage);
        };
        if let (Some(kind), Some(volume)) = (stage.on, &mut self.volume)
            && !volume.is_mounted()
        {
            volume.renew(kind, stage.wanted, TREES_WITH_OLDER)?;
        }
        restore(&self.trees.join(before), &self.destination)
    }

    /// Begins with an empty destination.
    fn empty(&mut self, stage: &Stage<'_>) -> Result<()> {
        let Some(volume) = &mut self.volume else {
            return self.discard();
        };
        let kind = stage.on.unwrap_or(FileSystem::Ext4);
        match volume.renew(kind, stage.wanted, TREES_WHEN_EMPTY) {
            Err(error) if stage.on.is_none() => {
                (self.say)(&format!("no file system for each cold run: {error:#}"));
                self.volume = None;
                self.discard()
            }
            done => done,
        }
    }

    /// Leaves a destination behind of which nobody knows what a tool made.
    fn give_up(&mut self) -> Result<()> {
        match &mut self.volume {
            Some(volume) if volume.is_mounted() => volume.remove(),
            _ => self.discard(),
        }
    }

    fn discard(&self) -> Result<()> {
        fs::create_dir_all(&self.discarded)?;
        let number = fs::read_dir(&self.discarded)?.count();
        fs::rename(&self.destination, self.discarded.join(number.to_string()))?;
        fs::create_dir(&self.destination)?;
        Ok(())
    }

    fn measure(&self, stage: &Stage<'_>, tool: &Tool, memory: &Path) -> Result<Sample> {
        fs::create_dir_all(memory)?;
        let reports = Reports {
            link: self.scratch.join("link.json"),
            meter: self.scratch.join("meter.json"),
            said: self.scratch.join("said"),
            far_is_here: stage.link.far_is_here(),
        };
        let cpu = self.suite.agent_cpu;
        let link = stage
            .link
            .words(&self.own, &reports.link, &reports.meter, cpu);
        let place = Place {
            source: &self.trees.join(stage.workload.source),
            destination: &self.destination,
            link: &link,
            memory,
            ksyncd: &self.ksyncd,
            own: &self.own,
        };
        let command = tool.command(stage.workload, &place)?;
        // What others wrote is not written while this one runs. What a volume writes goes to its
        // image, which is written after that.
        rustix::fs::sync();
        rustix::fs::sync();
        run(command, &reports, Duration::from_secs(self.suite.timeout))
    }

    fn check(&self, wanted: &Manifest, precision: Precision) -> Result<()> {
        let found = Manifest::read(&self.destination)?.without(KEPT);
        let said = differences(wanted, &found, precision);
        ensure!(
            said.is_empty(),
            "the tree is not right: {}",
            said.join("; ")
        );
        Ok(())
    }

    /// Takes away what no later workload needs.
    fn clean(&mut self, later: &[&Workload]) -> Result<()> {
        let start = Instant::now();
        tree::clear(&self.destination)?;
        if self.suite.keep {
            return Ok(());
        }
        for child in fs::read_dir(&self.trees)? {
            let child = child?;
            let needed = later.iter().any(|workload| {
                [Some(workload.source), workload.before]
                    .into_iter()
                    .flatten()
                    .any(|name| child.file_name() == name)
            });
            if !needed {
                fs::remove_dir_all(child.path())?;
            }
        }
        if start.elapsed() > Duration::from_secs(5) {
            (self.say)(&format!("cleaned up in {} s", start.elapsed().as_secs()));
        }
        Ok(())
    }
}

fn row(tool: &Tool, stage: &Stage<'_>) -> Row {
    Row {
        workload: stage.workload.id.into(),
        title: stage.workload.title.into(),
        link: stage.link.name.clone(),
        file_system: stage.on.map(|kind| kind.name().into()),
        tool: tool.id.into(),
        said: tool.said.into(),
        samples: Vec::new(),
        failure: None,
    }
}

fn is_there(program: &Path) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}
