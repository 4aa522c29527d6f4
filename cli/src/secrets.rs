//! What a pull leaves out by itself: the credentials that container engines mount.
//!
//! A pod's service account token or a service's secrets are rarely what somebody wants on a laptop
//! who pulls `/` or `/var`. A rule of the user's own that includes them comes first and wins; so
//! does naming the directory, or one in it, as SOURCE.

/// Where they are, as names from the root on.
const PLACES: [&[&[u8]]; 2] = [&[b"run", b"secrets"], &[b"var", b"run", b"secrets"]];

/// The filter rules for a pull of `path` from elsewhere; none where there is nothing to leave out.
pub(crate) fn rules(path: &[u8]) -> Vec<Vec<u8>> {
    let is_above = |place: &[&[u8]]| {
        // Where a relative path leads is the other end's affair.
        !path.starts_with(b"/") || {
            let names: Vec<&[u8]> = path
                .split(|&byte| byte == b'/')
                .filter(|name| !matches!(*name, b"" | b"."))
                .collect();
            names.contains(&&b".."[..]) || (names.len() < place.len() && place.starts_with(&names))
        }
    };
    PLACES
        .into_iter()
        .filter(|place| is_above(place))
        .map(|place| [b"-/ /", place.join(&b'/').as_slice()].concat())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t8_directories_above_mounted_credentials_leave_them_out() {
        let both: [&[u8]; 2] = [b"-/ /run/secrets", b"-/ /var/run/secrets"];
        for path in ["/", "/./", "/x/../", "", "data"] {
            assert_eq!(rules(path.as_bytes()), both, "{path}");
        }
        assert_eq!(rules(b"/run/"), both[..1]);
        assert_eq!(rules(b"/var//run"), both[1..]);
    }

    #[test]
    fn t8_what_is_asked_for_by_name_and_other_places_are_not_looked_through() {
        for path in ["/run/secrets/", "/var/run/secrets/x", "/app", "/runner/"] {
            assert!(rules(path.as_bytes()).is_empty(), "{path}");
        }
    }
}
