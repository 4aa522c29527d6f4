//! One client served over standard input and output.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rsync_core::engine::{self, Settings, Stream};
use rsync_core::root::expect_descriptors;

use crate::Error;
use crate::leftovers;
use crate::lifeline::Lifeline;
use crate::opening;

/// Bytes that wait in the pipe to whoever carries them to the client.
#[cfg(target_os = "linux")]
const PIPE_LEN: usize = 256 << 10;

/// Serves the client, then returns; everything still running ends with the process.
pub(crate) fn serve(
    program: &OsStr,
    once: bool,
    timeout: Option<Duration>,
    directory: Option<PathBuf>,
) -> Result<(), Error> {
    let opening = opening::heard(std::env::var_os(opening::VARIABLE).as_deref())?;
    if once {
        remove_myself(Path::new(program)).map_err(Error::system("remove my own executable"))?;
    } else {
        // It is in nobody's way but takes room.
        let _ = leftovers::remove(Path::new(program));
    }
    let mut settings = Settings {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        confined: true,
        ..Settings::default()
    };
    settings.timeout = timeout.unwrap_or(settings.timeout);
    if let Some(directory) = directory {
        std::env::set_current_dir(directory).map_err(Error::system("enter my directory"))?;
    }
    expect_descriptors();
    survive_limits();
    give_up_privileges();

    // Not `io::Stdout`: that would flush at every line feed.
    let stdin = io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .map_err(Error::system("use my input"))?;
    let stdout = io::stdout()
        .as_fd()
        .try_clone_to_owned()
        .map_err(Error::system("use my output"))?;
    // If it is a pipe, whoever reads it may take more at once. The usual length works as well.
    #[cfg(target_os = "linux")]
    let _ = rustix::pipe::fcntl_setpipe_size(&stdout, PIPE_LEN);
    let (reader, pulse) = Lifeline::new(File::from(stdin), settings.timeout);
    pulse.watch().map_err(Error::system("start a thread"))?;
    let stream = Stream {
        reader: Box::new(Cursor::new(opening).chain(reader)),
        writer: Box::new(File::from(stdout)),
    };
    Ok(engine::serve(stream, &settings)?)
}

/// The executable is in a directory that was made for it alone, which is the working directory.
fn remove_myself(program: &Path) -> io::Result<()> {
    let home = std::env::current_dir()?;
    std::fs::remove_file(program)?;
    std::fs::remove_dir(home)
}

/// A file that may not become so long is a failure of that file, not the end of this process.
fn survive_limits() {
    use signal_hook::{consts::SIGXFSZ, flag::register};
    // Whoever can not be told so ends as before.
    let _ = register(SIGXFSZ, std::sync::Arc::default());
}

/// Nothing that this process might be tricked into executing gains more rights than it has.
fn give_up_privileges() {
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::set_no_new_privs(true);
}
