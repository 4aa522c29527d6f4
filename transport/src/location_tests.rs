//! How locations are read.

use super::*;

fn parse(text: &str) -> Result<Location, BadLocation> {
    Location::parse(text.as_bytes(), &Context::default())
}

/// The target and the path as text, for comparison.
fn read(text: &str) -> String {
    let location = parse(text).unwrap();
    format!(
        "{} | {}",
        location.target,
        String::from_utf8_lossy(&location.path)
    )
}

fn with_remote_shell(text: &str) -> Result<Location, BadLocation> {
    let remote_shell = Some(vec!["rsh".into()]);
    Location::parse(
        text.as_bytes(),
        &Context {
            remote_shell,
            ..Context::default()
        },
    )
}

#[test]
fn what_has_no_colon_or_starts_like_a_path_is_local() {
    for path in [
        "a",
        "/a/b",
        "./a:b",
        "../x:y",
        "/tmp/12:30",
        ".hidden:x",
        "a/b/",
    ] {
        assert_eq!(read(path), format!("this computer | {path}"));
    }
}

#[test]
fn pods_are_written_as_for_kubectl_cp() {
    assert_eq!(read("web-0:/srv/data/"), "web-0 | /srv/data/");
    assert_eq!(read("prod/web-0:logs"), "prod/web-0 | logs");
    assert_eq!(read("deploy/web:/srv"), "deploy/web | /srv");
    assert_eq!(
        read("statefulset.apps/db:/srv"),
        "statefulset.apps/db | /srv"
    );
    assert_eq!(read("prod/deploy/web:/srv"), "prod/deploy/web | /srv");
    assert_eq!(read("web:/a:b"), "web | /a:b");
}

#[test]
fn a_namespace_in_the_location_wins_over_the_option() {
    let kubectl = Kubectl {
        namespace: Some("dev".into()),
        ..Kubectl::default()
    };
    let context = Context {
        kubectl,
        ..Context::default()
    };
    let target = |text: &str| {
        Location::parse(text.as_bytes(), &context)
            .unwrap()
            .target
            .to_string()
    };
    assert_eq!(target("web:/x"), "dev/web");
    assert_eq!(target("prod/web:/x"), "prod/web");
}

#[test]
fn containers_and_hosts_have_prefixes() {
    assert_eq!(read("docker:my_db.1:/var/lib"), "docker:my_db.1 | /var/lib");
    assert_eq!(read("podman:5f3c:a:b"), "podman:5f3c | a:b");
    assert_eq!(
        read("ssh:dev@host.example:/srv"),
        "ssh:dev@host.example | /srv"
    );
    assert_eq!(read("ssh:[fe80::1]:/srv"), "ssh:fe80::1 | /srv");
    assert_eq!(read("dev@[::1]:/srv"), "ssh:dev@::1 | /srv");
    assert_eq!(read("dev@host:/srv"), "ssh:dev@host | /srv");
}

#[test]
fn no_path_is_the_directory_where_commands_start() {
    assert_eq!(read("web:"), "web | .");
    assert_eq!(read("ssh:host:"), "ssh:host | .");
}

#[test]
fn p13_t1_names_that_are_options_or_shell_words_are_refused() {
    let hostile = [
        "-rf:/x",
        "--help:/x",
        "-n/web:/x",
        "prod/-it:/x",
        "deploy/-x:/x",
        "--as=root/deploy/x:/x",
        "we b:/x",
        "web;id:/x",
        "$(id):/x",
        "`id`:/x",
        "we'b:/x",
        "web\n:/x",
        "Web:/x",
        "~:/x",
        "docker:-v:/x",
        "docker:a;b:/x",
        "docker::/x",
        "podman:--privileged:/x",
        "ssh:-oProxyCommand=id:/x",
        "ssh:-l@host:/x",
        "ssh:a@-oX=y:/x",
        "-oX=y@host:/x",
        "ssh:ho st:/x",
        "ssh::/x",
        "a/b/c/d:/x",
    ];
    for text in hostile {
        assert!(
            matches!(parse(text), Err(BadLocation::Name { .. })),
            "{text:?}: {:?}",
            parse(text)
        );
    }
}

#[test]
fn what_can_not_be_meant_is_refused_with_a_reason() {
    assert_eq!(parse(""), Err(BadLocation::Empty));
    assert!(matches!(parse("a\0b"), Err(BadLocation::Nul(_))));
    assert!(matches!(parse(":/x"), Err(BadLocation::NoTarget(_))));
    assert!(matches!(
        parse("docker:db"),
        Err(BadLocation::NoPath { .. })
    ));
    assert!(matches!(parse("ssh:host"), Err(BadLocation::NoPath { .. })));
    assert!(matches!(
        parse("host::module/x"),
        Err(BadLocation::Daemon(_))
    ));
    assert!(matches!(
        parse("rsync://host/module"),
        Err(BadLocation::Daemon(_))
    ));
}

#[test]
fn a_remote_shell_command_takes_hosts_as_rsync_does() {
    let target = |text: &str| with_remote_shell(text).unwrap().target;
    let shell = |host: Option<&str>| Target::RemoteShell {
        command: vec!["rsh".into()],
        host: host.map(str::to_owned),
    };
    assert_eq!(target("host:/x"), shell(Some("host")));
    assert_eq!(target("dev@host:x"), shell(Some("dev@host")));
    assert_eq!(target(":/x"), shell(None));
    assert!(matches!(target("dir/file:x"), Target::Local { .. }));
    assert!(matches!(target("/x"), Target::Local { .. }));
    assert!(matches!(
        with_remote_shell("host::module"),
        Err(BadLocation::Daemon(_))
    ));
    assert!(matches!(
        with_remote_shell("-oX=y:/x"),
        Err(BadLocation::Name { .. })
    ));
}

#[test]
fn a_message_about_a_bad_name_shows_no_control_characters() {
    let message = parse("a\x1b[2J:/x").unwrap_err().to_string();
    assert!(
        message.contains("\\#033") && !message.contains('\x1b'),
        "{message}"
    );
}

#[test]
fn services_of_compose_and_volumes_have_prefixes() {
    assert_eq!(read("compose:db:/var/lib"), "compose:db | /var/lib");
    assert_eq!(read("compose:shop/db:x"), "compose:shop/db | x");
    assert_eq!(
        read("volume:pg_data:/base/"),
        "volume:pg_data | /volume/base/"
    );
    assert_eq!(read("volume:pg_data:base"), "volume:pg_data | base");
    assert_eq!(read("volume:pg_data:"), "volume:pg_data | .");
    for bad in [
        "compose:db",
        "compose:-x:/y",
        "compose:a/b/c:/y",
        "volume:x,y:/z",
        "volume:--x:/y",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn labels_take_the_place_of_a_name() {
    let context = Context {
        selector: Some("app=web".into()),
        ..Context::default()
    };
    let location = Location::parse(b":/srv", &context).unwrap();
    assert_eq!(location.target.to_string(), "pods with app=web");
    assert_eq!(
        parse(":/srv"),
        Err(BadLocation::NoTarget(b":/srv".to_vec()))
    );
}
