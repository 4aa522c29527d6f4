//! Filter rules from a request, and merge files from a tree.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oracles::is_plain_path;
use rsync_core::filter::{Filter, paths_from_file, rules_from_file};
use rsync_core::options::FilterSpec;
use rsync_core::path::{FileName, RelPath};

#[derive(Debug, arbitrary::Arbitrary)]
struct Input {
    rules: Vec<Vec<u8>>,
    merge_file: Vec<u8>,
    gitignore: bool,
    delete_excluded: bool,
    list: Vec<u8>,
    include: bool,
    zero_separated: bool,
    path: Vec<u8>,
    is_dir: bool,
}

fuzz_target!(|input: Input| {
    lists(&input);
    let Ok(path) = RelPath::new(&input.path) else {
        return;
    };
    let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
        return;
    };
    let Some(found) = verdicts(&input, &input.rules, &dir, &name) else {
        return;
    };
    assert_eq!(
        Some(found),
        verdicts(&input, &input.rules, &dir, &name),
        "same rules, same verdict"
    );

    // The first rule that matches decides, unless a rule clears those before it.
    let clears = |rule: &Vec<u8>| rule.starts_with(b"!") || rule.starts_with(b"clear");
    let include_all = || std::iter::once(b"+ *".to_vec());
    if !input.rules.iter().any(clears) {
        let before: Vec<Vec<u8>> = include_all().chain(input.rules.clone()).collect();
        if let Some(found) = verdicts(&input, &before, &dir, &name) {
            assert!(
                found.unreadable || !found.hidden,
                "an include in front wins"
            );
        }
    }
    let behind: Vec<Vec<u8>> = input.rules.iter().cloned().chain(include_all()).collect();
    let with_last = verdicts(&input, &behind, &dir, &name).expect("the rules were fine before");
    if found.hidden && !input.gitignore {
        assert!(with_last.hidden, "a rule at the end takes nothing back");
    }
});

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Found {
    hidden: bool,
    protected: bool,
    unreadable: bool,
}

fn verdicts(input: &Input, rules: &[Vec<u8>], dir: &RelPath, name: &FileName) -> Option<Found> {
    let spec = FilterSpec {
        rules: rules.to_vec(),
        gitignore: input.gitignore,
        ..FilterSpec::default()
    };
    let filter = match Filter::new(&spec, input.delete_excluded) {
        Ok(filter) => filter,
        Err(error) => {
            assert!(!error.to_string().contains(char::is_control));
            return None;
        }
    };
    let mut scope = filter.root_scope();
    let mut here = RelPath::root();
    let mut read = |_: &FileName| Some(input.merge_file.clone());
    scope = filter.enter(&scope, &here, &mut read);
    for component in dir.components().take(6) {
        here = here.join(&FileName::new(component).expect("a component is a name"));
        scope = filter.enter(&scope, &here, &mut read);
    }
    let found = Found {
        hidden: filter.sender_hides(&scope, &here, name, input.is_dir),
        protected: filter.receiver_protects(&scope, &here, name, input.is_dir),
        unreadable: scope.error().is_some(),
    };
    if let Some(error) = scope.error() {
        assert!(
            found.hidden && found.protected,
            "nothing below bad rules takes part"
        );
        assert!(!error.to_string().contains(char::is_control));
    }
    if filter.is_trivial() {
        assert!(!found.hidden && !found.protected);
    }
    Some(found)
}

fn lists(input: &Input) {
    if let Ok(paths) = paths_from_file(&input.list, input.zero_separated) {
        assert!(paths.iter().all(|path| is_plain_path(path.as_bytes())));
    }
    let rules = rules_from_file(&input.list, input.include, input.zero_separated);
    for rule in rules {
        assert!(rule == b"!" || rule.starts_with(b"- ") || rule.starts_with(b"+ "));
    }
}
