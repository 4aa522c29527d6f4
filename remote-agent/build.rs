//! Tells the package that embeds the agent where this one is, wherever cargo put it.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!(
        "cargo::metadata=manifest_dir={}",
        env!("CARGO_MANIFEST_DIR")
    );
}
