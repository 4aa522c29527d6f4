//! One direction of a link that is as fast as a pipe.

use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, read, write};
use rustix::pipe::{SpliceFlags, splice};

/// Most bytes that are moved at once: what a pipe holds.
const LEN: usize = 64 << 10;

/// Carries everything until the end, telling `passed` the length of every piece.
///
/// The kernel moves the bytes, if one of the two is a pipe.
pub(super) fn carry(from: impl AsFd, to: impl AsFd, passed: impl Fn(usize)) {
    loop {
        // A `splice` that waits for a socket would hold the lock of the pipe that it writes to,
        // and the process that reads from there could not.
        match poll(&mut [PollFd::new(&from, PollFlags::IN)], None) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(_) => return,
        }
        match splice(&from, None, &to, None, LEN, SpliceFlags::MOVE) {
            Ok(0) => return,
            Ok(len) => passed(len),
            Err(Errno::INTR) => {}
            Err(Errno::INVAL) => return copy(from, to, passed),
            Err(_) => return,
        }
    }
}

fn copy(from: impl AsFd, to: impl AsFd, passed: impl Fn(usize)) {
    let mut bytes = vec![0; LEN];
    loop {
        let len = match read(&from, &mut bytes) {
            Ok(0) => return,
            Ok(len) => len,
            Err(Errno::INTR) => continue,
            Err(_) => return,
        };
        let mut rest = &bytes[..len];
        while !rest.is_empty() {
            match write(&to, rest) {
                Ok(written) => rest = &rest[written..],
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
        passed(len);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io::{Read, Seek, SeekFrom, Write};
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    use super::*;

    fn counted(carry: impl Fn(&dyn Fn(usize))) -> usize {
        let count = Cell::new(0);
        carry(&|len| count.set(count.get() + len));
        count.get()
    }

    #[test]
    fn bytes_pass_through_a_pipe_and_are_counted() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let mut file = tempfile::tempfile().unwrap();
        writer.write_all(&[7; 10_000]).unwrap();
        drop(writer);
        assert_eq!(counted(|passed| carry(&reader, &file, passed)), 10_000);
        file.seek(SeekFrom::Start(0)).unwrap();
        let mut arrived = Vec::new();
        file.read_to_end(&mut arrived).unwrap();
        assert_eq!(arrived, [7; 10_000]);
    }

    #[test]
    fn what_has_arrived_can_be_read_while_more_is_waited_for() {
        let (mut near, end) = UnixStream::pair().unwrap();
        let (mut reader, writer) = std::io::pipe().unwrap();
        let carrier = std::thread::spawn(move || carry(end, writer, |_| {}));
        near.write_all(b"question").unwrap();
        let mut bytes = [0; 8];
        reader.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"question");
        near.write_all(b"and more").unwrap();
        // Now the carrier waits for the socket, with something in the pipe.
        std::thread::sleep(Duration::from_millis(20));
        reader.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"and more");
        drop(near);
        carrier.join().unwrap();
    }

    #[test]
    fn without_a_pipe_they_are_copied() {
        let (mut from, to) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        from.write_all(&[7; 100_000]).unwrap();
        from.seek(SeekFrom::Start(0)).unwrap();
        assert_eq!(counted(|passed| carry(&from, &to, passed)), 100_000);
        assert_eq!(to.metadata().unwrap().len(), 100_000);
    }
}
