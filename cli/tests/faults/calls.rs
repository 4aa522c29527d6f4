//! Which system calls touch files, and where each of them says which file; and which start threads.

use nix::errno::Errno;
use nix::libc;

/// Where a system call names what it touches; numbers are positions of arguments.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Names {
    /// An open file or directory.
    Fd(usize),
    /// A name in an open directory.
    At(usize, usize),
    /// A path.
    Path(usize),
    /// Nothing.
    Nowhere,
}

/// What a system call does, as far as it decides how it can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// Opens what is there, or makes a file.
    Open,
    /// Reads content, names or metadata.
    Look,
    /// Writes content.
    Write,
    /// Makes, moves or removes a name.
    Name,
    /// Sets metadata.
    Set,
    /// Sees to it that it is on the disk.
    Flush,
    /// Starts a thread or a process.
    Start,
}

impl Class {
    /// Errors that a file system gives for such a call.
    pub(crate) fn errors(self) -> &'static [Errno] {
        use Errno::{EACCES, EAGAIN, EDQUOT, EINTR, EIO, EMFILE, ENOSPC, EPERM, EROFS};
        match self {
            Self::Open => &[EMFILE, EIO, EACCES, ENOSPC, EINTR, EROFS],
            Self::Look => &[EIO, EINTR, EACCES],
            Self::Write => &[ENOSPC, EIO, EINTR, EDQUOT],
            Self::Name => &[ENOSPC, EIO, EACCES, EROFS],
            Self::Set => &[EIO, EPERM, EROFS],
            Self::Flush => &[EIO, ENOSPC],
            Self::Start => &[EAGAIN],
        }
    }
}

/// One kind of system call.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    number: i64,
    pub(crate) names: Names,
    pub(crate) class: Class,
}

macro_rules! kinds {
    ($($name:ident $constant:ident $names:expr, $class:ident;)*) => {
        &[$(Kind { name: stringify!($name), number: libc::$constant, names: $names, class: Class::$class }),*]
    };
}

use Names::{At, Fd, Nowhere, Path};

/// All that are looked at.
const KINDS: &[Kind] = kinds! {
    open SYS_open Path(0), Open;
    openat SYS_openat At(0, 1), Open;
    openat2 SYS_openat2 At(0, 1), Open;
    read SYS_read Fd(0), Look;
    pread64 SYS_pread64 Fd(0), Look;
    readv SYS_readv Fd(0), Look;
    preadv SYS_preadv Fd(0), Look;
    lseek SYS_lseek Fd(0), Look;
    getdents64 SYS_getdents64 Fd(0), Look;
    fstat SYS_fstat Fd(0), Look;
    newfstatat SYS_newfstatat At(0, 1), Look;
    statx SYS_statx At(0, 1), Look;
    stat SYS_stat Path(0), Look;
    lstat SYS_lstat Path(0), Look;
    fstatfs SYS_fstatfs Fd(0), Look;
    statfs SYS_statfs Path(0), Look;
    readlink SYS_readlink Path(0), Look;
    readlinkat SYS_readlinkat At(0, 1), Look;
    fgetxattr SYS_fgetxattr Fd(0), Look;
    getxattr SYS_getxattr Path(0), Look;
    lgetxattr SYS_lgetxattr Path(0), Look;
    flistxattr SYS_flistxattr Fd(0), Look;
    listxattr SYS_listxattr Path(0), Look;
    llistxattr SYS_llistxattr Path(0), Look;
    flock SYS_flock Fd(0), Look;
    write SYS_write Fd(0), Write;
    pwrite64 SYS_pwrite64 Fd(0), Write;
    writev SYS_writev Fd(0), Write;
    pwritev SYS_pwritev Fd(0), Write;
    sendfile SYS_sendfile Fd(0), Write;
    copy_file_range SYS_copy_file_range Fd(2), Write;
    ioctl SYS_ioctl Fd(0), Write;
    ftruncate SYS_ftruncate Fd(0), Write;
    fallocate SYS_fallocate Fd(0), Write;
    mkdir SYS_mkdir Path(0), Name;
    mkdirat SYS_mkdirat At(0, 1), Name;
    mknodat SYS_mknodat At(0, 1), Name;
    symlinkat SYS_symlinkat At(1, 2), Name;
    linkat SYS_linkat At(2, 3), Name;
    link SYS_link Path(1), Name;
    rename SYS_rename Path(1), Name;
    renameat SYS_renameat At(2, 3), Name;
    renameat2 SYS_renameat2 At(2, 3), Name;
    unlink SYS_unlink Path(0), Name;
    rmdir SYS_rmdir Path(0), Name;
    unlinkat SYS_unlinkat At(0, 1), Name;
    fchmod SYS_fchmod Fd(0), Set;
    chmod SYS_chmod Path(0), Set;
    fchmodat SYS_fchmodat At(0, 1), Set;
    fchmodat2 SYS_fchmodat2 At(0, 1), Set;
    fchown SYS_fchown Fd(0), Set;
    fchownat SYS_fchownat At(0, 1), Set;
    utimensat SYS_utimensat At(0, 1), Set;
    fsetxattr SYS_fsetxattr Fd(0), Set;
    setxattr SYS_setxattr Path(0), Set;
    lsetxattr SYS_lsetxattr Path(0), Set;
    fremovexattr SYS_fremovexattr Fd(0), Set;
    removexattr SYS_removexattr Path(0), Set;
    lremovexattr SYS_lremovexattr Path(0), Set;
    fsync SYS_fsync Fd(0), Flush;
    fdatasync SYS_fdatasync Fd(0), Flush;
    syncfs SYS_syncfs Fd(0), Flush;
    clone SYS_clone Nowhere, Start;
    clone3 SYS_clone3 Nowhere, Start;
};

/// The kind with this number, if it is looked at.
pub(crate) fn kind(number: u64) -> Option<&'static Kind> {
    KINDS
        .iter()
        .find(|kind| u64::try_from(kind.number) == Ok(number))
}
