//! What works with an honest server, every way.

use std::fs;

use super::site::{Site, web};
use super::tree::{differences, noise, plant};

#[test]
fn a_tree_is_pulled_through_one_exec() {
    for site in Site::each(web) {
        plant(&site.there("data"), 1);
        let ended = site.run("pull -aHAX web:/data/ out");
        ended.assert(0, &[]);
        assert_eq!(differences(&site.there("data"), &site.path("out")), "");
        assert_eq!(site.server.counts().execs(), 1, "{}", site.way.name);
        assert_eq!(site.left(), []);
    }
}

#[test]
fn a_tree_is_pushed_through_one_exec() {
    for site in Site::each(web) {
        plant(&site.path("tree"), 1);
        let ended = site.run("push -aHAX tree/ web:/data");
        ended.assert(0, &[]);
        assert_eq!(differences(&site.path("tree"), &site.there("data")), "");
        assert_eq!(site.server.counts().execs(), 1, "{}", site.way.name);
        assert_eq!(site.left(), []);
    }
}

#[test]
fn a_second_pull_brings_what_changed_and_deletes_what_is_gone() {
    for site in Site::each(web) {
        plant(&site.there("data"), 1);
        site.run("pull -aHAX web:/data/ out").assert(0, &[]);
        let before = site.server.counts();
        plant_again(&site);
        site.run("pull -aHAX --delete web:/data/ out")
            .assert(0, &[]);
        assert_eq!(differences(&site.there("data"), &site.path("out")), "");
        let down = site.server.counts().down - before.down;
        assert!(
            down < 100_000,
            "{}: {down} bytes for a small change",
            site.way.name
        );
        assert_eq!(site.left(), []);
    }
}

#[test]
fn a_second_push_sends_what_changed() {
    for site in Site::each(web) {
        plant(&site.path("tree"), 1);
        site.run("push -aHAX tree/ web:/data").assert(0, &[]);
        let before = site.server.counts();
        let mut large = fs::read(site.path("tree/large")).unwrap();
        large[1_500_000] ^= 1;
        site.put_here("tree/large", large);
        site.run("push -aHAX tree/ web:/data").assert(0, &[]);
        assert_eq!(differences(&site.path("tree"), &site.there("data")), "");
        let up = site.server.counts().up - before.up;
        assert!(up < 100_000, "{}: {up} bytes", site.way.name);
    }
}

fn plant_again(site: &Site) {
    let large = site.there("data/large");
    let mut bytes = fs::read(&large).unwrap();
    bytes[1_500_000] ^= 1;
    fs::write(&large, bytes).unwrap();
    fs::remove_file(site.there("data/many/9")).unwrap();
    fs::write(site.there("data/new"), "new").unwrap();
}

#[test]
fn much_travels_both_ways_at_once() {
    // Signatures of a large basis go one way while content goes the other.
    for site in Site::each(web) {
        fs::write(site.there("data/big"), noise(40_000_000, 1, 1)).unwrap();
        fs::create_dir(site.path("out")).unwrap();
        let mut basis = noise(40_000_000, 1, 1);
        for piece in basis.chunks_mut(20_000) {
            piece[0] ^= 1;
        }
        fs::write(site.path("out/big"), basis).unwrap();
        site.run("pull -a --checksum web:/data/ out").assert(0, &[]);
        assert_eq!(differences(&site.there("data"), &site.path("out")), "");
        assert_eq!(site.left(), []);
    }
}

#[test]
fn a_pod_is_named_as_kubectl_names_it() {
    for site in Site::each(web) {
        fs::write(site.there("data/file"), "content").unwrap();
        for (number, target) in ["web", "pod/web", "default/pod/web"]
            .into_iter()
            .enumerate()
        {
            let ended = site.run(&format!("pull {target}:/data/ out{number}"));
            ended.assert(0, &[]);
            let copy = fs::read_to_string(site.path(&format!("out{number}/file")));
            assert_eq!(copy.unwrap(), "content");
        }
    }
}
