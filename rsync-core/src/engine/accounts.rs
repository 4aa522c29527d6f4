//! Users and groups by name and number, from `/etc/passwd` and `/etc/group` (passwd(5),
//! group(5)). The static agent has no name service to ask, and must not load one.

use std::collections::HashMap;

/// Longest account file that is read, in bytes.
const MAX_FILE_LEN: u64 = 4 << 20;

/// What one system calls its users and groups.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    users: Table,
    groups: Table,
}

#[derive(Debug, Default)]
struct Table {
    by_number: HashMap<u32, String>,
    by_name: HashMap<String, u32>,
}

impl Accounts {
    /// This system's accounts; none where the files are missing.
    pub(crate) fn of_system() -> Self {
        Self {
            users: Table::read("/etc/passwd"),
            groups: Table::read("/etc/group"),
        }
    }

    /// Name of a user.
    pub(crate) fn user_name(&self, uid: u32) -> Option<&str> {
        self.users.by_number.get(&uid).map(String::as_str)
    }

    /// Name of a group.
    pub(crate) fn group_name(&self, gid: u32) -> Option<&str> {
        self.groups.by_number.get(&gid).map(String::as_str)
    }

    /// Number of the user of this name.
    pub(crate) fn user_number(&self, name: &str) -> Option<u32> {
        self.users.by_name.get(name).copied()
    }

    /// Number of the group of this name.
    pub(crate) fn group_number(&self, name: &str) -> Option<u32> {
        self.groups.by_name.get(name).copied()
    }

    /// Number of a user, given a name or a number.
    pub(crate) fn uid(&self, user: &str) -> Option<u32> {
        self.users.number(user)
    }

    /// Number of a group, given a name or a number.
    pub(crate) fn gid(&self, group: &str) -> Option<u32> {
        self.groups.number(group)
    }
}

impl Table {
    fn read(path: &str) -> Self {
        use std::io::Read;
        let mut text = Vec::new();
        let read = std::fs::File::open(path)
            .and_then(|file| file.take(MAX_FILE_LEN).read_to_end(&mut text));
        if read.is_err() {
            Self::default()
        } else {
            Self::parse(&String::from_utf8_lossy(&text))
        }
    }

    /// Lines of `name:password:number:…`; the first line for a name or number counts.
    fn parse(text: &str) -> Self {
        let mut table = Self::default();
        for line in text.lines() {
            let mut fields = line.split(':');
            let (Some(name), Some(_), Some(number)) = (fields.next(), fields.next(), fields.next())
            else {
                continue;
            };
            let Ok(number) = number.parse() else { continue };
            if name.is_empty() || name.starts_with('#') {
                continue;
            }
            table
                .by_number
                .entry(number)
                .or_insert_with(|| name.to_owned());
            table.by_name.entry(name.to_owned()).or_insert(number);
        }
        table
    }

    /// A name wins over a number, as in chown(1).
    fn number(&self, account: &str) -> Option<u32> {
        self.by_name
            .get(account)
            .copied()
            .or_else(|| account.parse().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_a_number_gives_nobody_the_rights_of_root() {
        let table = Table::parse("a::x\nb:y\n:x:0:\n#c:x:5\nroot:x:0:0\ntoor:x:0:0\n");
        assert_eq!(table.by_name.len(), 2);
        assert_eq!(table.by_number.get(&0).map(String::as_str), Some("root"));
        assert_eq!(table.number("a"), None);
        assert_eq!(table.number(""), None);
        assert_eq!(table.number("17"), Some(17));
    }
}
