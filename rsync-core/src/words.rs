//! What the system says, in words for people.

use std::io;

use crate::path::printable;

/// What the system said, without the number that the standard library appends to it.
pub fn of(error: &io::Error) -> String {
    let text = error.to_string();
    let end = error.raw_os_error().and_then(|_| text.find(" (os error"));
    printable(&text[..end.unwrap_or(text.len())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_words_come_without_numbers_and_on_one_line() {
        assert_eq!(
            of(&io::Error::from_raw_os_error(2)),
            "No such file or directory"
        );
        assert_eq!(
            of(&io::Error::other("odd\n(os error 1)")),
            "odd\\#012(os error 1)"
        );
    }
}
