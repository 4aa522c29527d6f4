//! Embeds the agents: static executables for the machines that containers run on.
//!
//! They are built here by another run of cargo, so that `cargo build` and `cargo install` need
//! nothing beside this source: for Linux on x86-64 and on arm64 if rustup has the musl target
//! (`rustup target add x86_64-unknown-linux-musl aarch64-unknown-linux-musl`), otherwise for the
//! machine that builds, against its static glibc. rust-lld links them, so no cross compiler is
//! needed; without a C compiler for the machine the agent lacks Zstandard and uses LZ4.
//! A debug build embeds the agent for the machine that builds only, and optimises it less.
//!
//! `KSYNCD_AGENTS_DIR`, a directory of `MACHINE/ksyncd-agent`, provides them ready made instead.
//!
//! If there is no agent at all the build succeeds with a warning: what is left works with
//! `KSYNCD_AGENTS_DIR` at run time.

use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const DIRECTORY_VARIABLE: &str = "KSYNCD_AGENTS_DIR";
const MACHINES: [&str; 2] = ["x86_64", "aarch64"];

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={DIRECTORY_VARIABLE}");
    let out = PathBuf::from(required("OUT_DIR")?);
    let agents = match env::var_os(DIRECTORY_VARIABLE) {
        Some(directory) => ready_made(Path::new(&directory)),
        None => Builder::new(&out)?.build_all(),
    };
    if agents.is_empty() {
        println!(
            "cargo::warning=no agent is embedded; set {DIRECTORY_VARIABLE} when ksyncd is used, or \
             `rustup target add` a Linux musl target and build again"
        );
    }
    embed(&agents, &out)
}

/// An executable and the machine it is for.
struct Agent {
    machine: String,
    file: PathBuf,
}

fn ready_made(directory: &Path) -> Vec<Agent> {
    let agents = MACHINES.map(|machine| Agent {
        machine: machine.to_owned(),
        file: directory.join(machine).join("ksyncd-agent"),
    });
    for agent in &agents {
        println!("cargo::rerun-if-changed={}", agent.file.display());
    }
    agents
        .into_iter()
        .filter(|agent| agent.file.is_file())
        .collect()
}

/// Writes the packed agents and `agents.rs`, the table of them that the program includes.
fn embed(agents: &[Agent], out: &Path) -> Result<()> {
    let mut table = String::from("&[\n");
    for Agent { machine, file } in agents {
        let image = fs::read(file)?;
        let packed = format!("{machine}.lz4");
        fs::write(out.join(&packed), lz4_flex::block::compress(&image))?;
        let (digest, len) = (blake3::hash(&image), image.len());
        writeln!(
            table,
            "Embedded {{ machine: {machine:?}, digest: {:?}, len: {len}, \
             packed: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{packed}\")) }},",
            digest.as_bytes(),
        )?;
    }
    table.push_str("]\n");
    Ok(fs::write(out.join("agents.rs"), table)?)
}

/// Builds agents by running cargo.
struct Builder {
    package: PathBuf,
    target_dir: PathBuf,
    host: String,
}

/// One way to build an agent.
struct Recipe {
    target: String,
    rustflags: String,
    linker: Option<&'static str>,
    /// The C compiler for Zstandard; without one there is no Zstandard.
    c_compiler: Option<OsString>,
}

impl Builder {
    fn new(out: &Path) -> Result<Self> {
        let package = PathBuf::from(required("DEP_KSYNCD_AGENT_MANIFEST_DIR")?);
        // In a workspace the agent's sources change; those of a registry do not.
        let workspace = package.join("..");
        let core = workspace.join("rsync-core");
        let sources = [&package, &core].map(|package| {
            [
                package.join("src"),
                package.join("Cargo.toml"),
                package.join("flags"),
            ]
        });
        let locks = [workspace.join("Cargo.toml"), workspace.join("Cargo.lock")];
        for source in sources
            .iter()
            .flatten()
            .chain(&locks)
            .filter(|source| source.exists())
        {
            println!("cargo::rerun-if-changed={}", source.display());
        }
        Ok(Self {
            package,
            target_dir: out.join("agents"),
            host: required("HOST")?,
        })
    }

    fn build_all(&self) -> Vec<Agent> {
        let wanted = |machine: &&str| !is_debug() || self.is_host(machine);
        MACHINES
            .iter()
            .copied()
            .filter(wanted)
            .filter_map(|machine| self.build(machine))
            .collect()
    }

    /// Builds the agent for `machine` by the first recipe that works.
    fn build(&self, machine: &str) -> Option<Agent> {
        let recipes = self.recipes(machine);
        for recipe in &recipes {
            match self.follow(recipe) {
                Ok(file) => {
                    return Some(Agent {
                        machine: machine.to_owned(),
                        file,
                    });
                }
                Err(error) => println!("cargo::warning=agent for {}: {error}", recipe.target),
            }
        }
        if recipes.is_empty() {
            println!("cargo::warning=no agent for {machine}: no Rust target for it is installed");
        }
        None
    }

    fn recipes(&self, machine: &str) -> Vec<Recipe> {
        let mut recipes = Vec::new();
        let musl = format!("{machine}-unknown-linux-musl");
        if is_installed(&musl) {
            let recipe = |c_compiler| Recipe {
                target: musl.clone(),
                rustflags: self.flags("rust").join("\u{1f}"),
                linker: Some("rust-lld"),
                c_compiler,
            };
            if let Some(c_compiler) = self.c_compiler(machine, &musl) {
                recipes.push(recipe(Some(c_compiler)));
            }
            recipes.push(recipe(None));
        }
        if self.is_host(machine) && self.host.ends_with("-linux-gnu") {
            recipes.push(Recipe {
                target: self.host.clone(),
                rustflags: "-Ctarget-feature=+crt-static".to_owned(),
                linker: None,
                c_compiler: self.c_compiler(machine, &self.host),
            });
        }
        recipes
    }

    /// The flags in a file of the agent's package. They are about size, but for those that the C
    /// code does not build without, which shows at once: a file that is gone is an empty one.
    fn flags(&self, file: &str) -> Vec<String> {
        let text = fs::read_to_string(self.package.join("flags").join(file)).unwrap_or_default();
        let lines = text.lines().map(str::trim);
        lines
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(str::to_owned)
            .collect()
    }

    fn is_host(&self, machine: &str) -> bool {
        self.host.split('-').next() == Some(machine)
    }

    /// A C compiler that makes Linux objects for `machine`; none of the C library is needed.
    fn c_compiler(&self, machine: &str, target: &str) -> Option<OsString> {
        let variable = format!("CC_{}", target.replace('-', "_"));
        println!("cargo::rerun-if-env-changed={variable}");
        let own = if self.is_host(machine) && self.host.contains("-linux-") {
            &["gcc", "cc"][..]
        } else {
            &[]
        };
        let cross = [
            format!("{machine}-linux-musl-gcc"),
            format!("{machine}-linux-gnu-gcc"),
        ];
        let candidates = cross.iter().map(String::as_str).chain(own.iter().copied());
        let mut candidates = env::var_os(variable)
            .into_iter()
            .chain(candidates.map(OsString::from));
        candidates.find(|compiler| {
            Command::new(compiler)
                .arg("--version")
                .output()
                .is_ok_and(|output| output.status.success())
        })
    }

    fn follow(&self, recipe: &Recipe) -> Result<PathBuf> {
        let mut cargo = Command::new(required("CARGO")?);
        forget_this_build(&mut cargo);
        cargo
            .current_dir(&self.package)
            .args(["build", "--bin=ksyncd-agent", "--profile=agent"]);
        cargo
            .arg("--target")
            .arg(&recipe.target)
            .arg("--target-dir")
            .arg(&self.target_dir);
        for setting in profile() {
            cargo
                .arg("--config")
                .arg(format!("profile.agent.{setting}"));
        }
        cargo.env("CARGO_ENCODED_RUSTFLAGS", &recipe.rustflags);
        let name = recipe.target.replace('-', "_");
        if let Some(linker) = recipe.linker {
            cargo.env(
                format!("CARGO_TARGET_{}_LINKER", name.to_uppercase()),
                linker,
            );
        }
        cargo.arg("--no-default-features");
        if let Some(compiler) = &recipe.c_compiler {
            cargo
                .arg("--features=zstd")
                .env(format!("CC_{name}"), compiler);
            cargo.env(format!("CFLAGS_{name}"), self.flags("c").join(" "));
        }
        let output = cargo.output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let errors: Vec<&str> = said
                .lines()
                .filter(|line| line.contains("error"))
                .take(3)
                .collect();
            return Err(
                format!("cargo ended with {}: {}", output.status, errors.join("; ")).into(),
            );
        }
        Ok(self
            .target_dir
            .join(&recipe.target)
            .join("agent")
            .join("ksyncd-agent"))
    }
}

/// The profile `agent`, in full: a package from a registry does not bring the workspace's.
fn profile() -> &'static [&'static str] {
    if is_debug() {
        &[
            "inherits=\"release\"",
            "opt-level=1",
            "lto=false",
            "codegen-units=16",
            "panic=\"abort\"",
            "strip=true",
        ]
    } else {
        &[
            "inherits=\"release\"",
            "opt-level=2",
            "lto=\"fat\"",
            "codegen-units=1",
            "panic=\"abort\"",
            "strip=true",
        ]
    }
}

/// What cargo, clippy or an editor set for this build is not meant for the agent's.
fn forget_this_build(cargo: &mut Command) {
    let kept = [
        "CARGO_HOME",
        "CARGO_MAKEFLAGS",
        "CARGO_NET_",
        "CARGO_HTTP_",
        "CARGO_REGISTR",
        "CARGO_SOURCE_",
    ];
    let others = [
        "RUSTFLAGS",
        "RUSTDOCFLAGS",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_LINKER",
        "CC",
        "CFLAGS",
        "TARGET",
        "HOST",
        "OUT_DIR",
        "PROFILE",
        "OPT_LEVEL",
        "DEBUG",
        "NUM_JOBS",
    ];
    for (variable, _) in env::vars_os() {
        let name = variable.to_string_lossy();
        let own = name.starts_with("CARGO_") && !kept.iter().any(|kept| name.starts_with(kept));
        if own || name.starts_with("DEP_") || others.contains(&name.as_ref()) {
            cargo.env_remove(&variable);
        }
    }
}

fn is_installed(target: &str) -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", target])
        .output();
    let Ok(output) = output else { return false };
    let Ok(directory) = String::from_utf8(output.stdout) else {
        return false;
    };
    let Ok(files) = fs::read_dir(directory.trim()) else {
        return false;
    };
    files.flatten().any(|file| is_std(&file.file_name()))
}

fn is_std(name: &OsStr) -> bool {
    name.to_str()
        .is_some_and(|name| name.starts_with("libstd-") && name.ends_with(".rlib"))
}

fn is_debug() -> bool {
    env::var_os("PROFILE").is_some_and(|profile| profile == "debug")
}

fn required(variable: &str) -> Result<String> {
    env::var(variable).map_err(|error| format!("{variable}: {error}").into())
}
