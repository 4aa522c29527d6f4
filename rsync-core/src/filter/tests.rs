//! What the comparisons with rsync and git can not show: refusals, bounds, what happens when a
//! merge file is wrong.

use super::*;

fn spec(rules: &[&str]) -> FilterSpec {
    let rules = rules.iter().map(|rule| rule.as_bytes().to_vec()).collect();
    FilterSpec {
        rules,
        ..FilterSpec::default()
    }
}

fn name(text: &str) -> FileName {
    FileName::new(text.as_bytes()).unwrap()
}

fn refusal(rule: &str) -> String {
    Filter::new(&spec(&[rule]), false).unwrap_err().to_string()
}

/// The scope inside `dir` if every merge file there holds `content`.
fn entered(filter: &Filter, dir: &str, content: &[u8]) -> Scope {
    let dir = RelPath::new(dir.as_bytes()).unwrap();
    filter.enter(&filter.root_scope(), &dir, &mut |_| Some(content.to_vec()))
}

#[test]
fn a_wrong_rule_is_refused_with_its_text_and_its_cause() {
    assert_eq!(
        refusal("nonsense"),
        "filter rule `nonsense`: it does not begin with a rule such as `-`, `+`, `exclude` or `include`"
    );
    assert_eq!(
        refusal("-q x"),
        "filter rule `-q x`: the modifier at byte 1 is unknown or not allowed here"
    );
    assert_eq!(
        refusal("-/ x"),
        "filter rule `-/ x`: the absolute path of the root is not known here, so `/` can not be used as a modifier"
    );
    assert_eq!(
        refusal("-C x"),
        "filter rule `-C x`: nothing may follow this rule"
    );
    assert_eq!(
        refusal(": ../x"),
        "filter rule `: ../x`: the merge file has to be a plain name, it is looked for in each directory"
    );
    assert_eq!(refusal(""), "filter rule ``: the rule is empty");
    assert!(Filter::new(&spec(&[&format!("- {}", "x".repeat(5000))]), false).is_err());
}

#[test]
fn x14_no_file_of_the_other_end_can_be_merged_through_the_request() {
    for rule in [". /etc/passwd", "merge x", ".C", "., x"] {
        assert!(
            refusal(rule)
                .ends_with("a merge file can not be named here, its rules have to be given"),
            "{rule}"
        );
    }
}

#[test]
fn x14_a_wrong_merge_file_takes_its_directory_out_and_shows_nothing_of_what_it_holds() {
    let filter = Filter::new(&spec(&[": .rules"]), false).unwrap();
    let scope = entered(&filter, "etc", b"- fine\n\nroot:x:0:0:\n");
    let error = scope.error().unwrap().to_string();
    assert_eq!(
        error,
        "filter rule in line 3 of `etc/.rules`: it does not begin with a rule such as `-`, `+`, `exclude` or `include`"
    );
    let dir = RelPath::new(b"etc").unwrap();
    assert!(filter.sender_hides(&scope, &dir, &name("x"), false));
    assert!(filter.receiver_protects(&scope, &dir, &name("x"), false));
    let below = filter.enter(&scope, &dir.join(&name("d")), &mut |_| None);
    assert!(below.error().is_some());
}

#[test]
fn x9_merge_files_that_name_each_other_for_ever_are_refused() {
    let filter = Filter::new(&spec(&[": .rules"]), false).unwrap();
    for content in [
        ". .rules\n. .rules\n".to_owned(),
        (0..100).map(|n| format!(": f{n}\n")).collect(),
    ] {
        let error = entered(&filter, "d", content.as_bytes())
            .error()
            .unwrap()
            .to_string();
        assert!(
            error.ends_with("merge files name too many further merge files"),
            "{error}"
        );
    }
}

#[test]
fn x9_a_merge_file_without_bounds_is_refused() {
    let large = vec![b'\n'; MAX_MERGE_FILE_LEN + 1];
    let filter = Filter::new(&spec(&[": .rules"]), false).unwrap();
    assert!(matches!(
        entered(&filter, "d", &large).error(),
        Some(FilterError::FileTooLarge { .. })
    ));
    let filter = Filter::new(
        &FilterSpec {
            gitignore: true,
            ..FilterSpec::default()
        },
        false,
    )
    .unwrap();
    assert!(matches!(
        entered(&filter, "d", &large).error(),
        Some(FilterError::FileTooLarge { .. })
    ));
}

#[test]
fn the_merge_files_are_those_that_rules_in_force_name() {
    let rules = [
        ": .gone",
        "!",
        ":e .rules",
        ": /.rsync-filter",
        ":C",
        ": .rules",
    ];
    let filter = Filter::new(
        &FilterSpec {
            gitignore: true,
            ..spec(&rules)
        },
        false,
    )
    .unwrap();
    assert_eq!(
        filter.merge_files(),
        [".rules", ".rsync-filter", ".cvsignore", ".gitignore"].map(name)
    );
    assert!(!filter.is_trivial());
}

#[test]
fn without_rules_everything_takes_part() {
    let filter = Filter::new(&spec(&["- x", "!"]), true).unwrap();
    assert!(filter.is_trivial() && filter.merge_files().is_empty());
    let root = RelPath::root();
    assert!(!filter.sender_hides(&filter.root_scope(), &root, &name("x"), false));
    assert!(!filter.receiver_protects(&filter.root_scope(), &root, &name("x"), false));
}

#[test]
fn an_absolute_rule_is_compared_with_the_path_in_the_file_system() {
    let etc = RelPath::new(b"etc").unwrap();
    for (root, dir) in [(&b"/"[..], etc.clone()), (b"/etc/", RelPath::root())] {
        let filter = Filter::with_absolute_root(&spec(&["-/ /etc/passwd"]), false, root).unwrap();
        assert!(filter.sender_hides(&filter.root_scope(), &dir, &name("passwd"), false));
    }
    let filter = Filter::with_absolute_root(&spec(&["-/ /etc/passwd"]), false, b"/srv").unwrap();
    assert!(!filter.sender_hides(&filter.root_scope(), &etc, &name("passwd"), false));
}

#[test]
fn rules_for_attributes_say_nothing_about_files() {
    let filter = Filter::new(&spec(&["-x user.*", "+xr security.*"]), false).unwrap();
    let scope = filter.root_scope();
    assert!(!filter.sender_hides(&scope, &RelPath::root(), &name("user.a"), false));
    assert_eq!(filter.sender_xattr(&scope, b"user.a"), Some(false));
    assert_eq!(filter.sender_xattr(&scope, b"security.a"), None);
    assert_eq!(filter.receiver_xattr(&scope, b"security.a"), Some(true));
}

#[test]
fn delete_excluded_leaves_ignored_files_unprotected() {
    for delete_excluded in [false, true] {
        let filter = Filter::new(
            &FilterSpec {
                gitignore: true,
                ..FilterSpec::default()
            },
            delete_excluded,
        )
        .unwrap();
        let root = RelPath::root();
        let scope = entered(&filter, "", b"*.o");
        assert!(filter.sender_hides(&scope, &root, &name("a.o"), false));
        assert_eq!(
            filter.receiver_protects(&scope, &root, &name("a.o"), false),
            !delete_excluded
        );
    }
}

#[test]
fn a_filter_and_its_scopes_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Filter>();
    shared::<Scope>();
}
